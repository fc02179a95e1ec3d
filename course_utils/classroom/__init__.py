"""The command ``course``: run, check and publish the notebooks. Notebooks never import this."""
