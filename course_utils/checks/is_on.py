"""Is it really on? Checks of augmentation, dropout, L2, batch norm and the validation split.

Two of the course's sources defined a remedy and did not apply it, and nothing in their code
complained. Each function here looks at what a network or a pipeline *does*, and says so in one
sentence. Nothing is trained, and what is trained next is the same to the last bit as without.
"""

from course_utils.checks._augmentation import augmentation
from course_utils.checks._finding import Finding, require
from course_utils.checks._network import batch_norm, dropout, l2
from course_utils.checks._splits import near_duplicates, validation_split
