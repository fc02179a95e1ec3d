"""Keras's own optimiser and layers, with the same arithmetic in fewer passes over memory, and Muon.

On two processor cores, batch norm and dropout take as long as the convolutions between them, and
Adam as long as a small network. Each class here is a subclass of Keras's and takes its arguments.
`Muon` is no quicker step, but one that needs fewer of them.
"""

from __future__ import annotations

from typing import Any

from course_utils import runtime  # noqa: F401  (imports TensorFlow quietly)
from course_utils.errors import CourseError

import keras  # isort: skip
import tensorflow as tf  # isort: skip


@keras.saving.register_keras_serializable("course_utils.fast")
class Adam(keras.optimizers.Adam):
    """Keras's Adam, computed in one pass over each weight instead of about ten.

    The arithmetic is that of `keras.optimizers.Adam`, done by TensorFlow's own kernel for it.
    Networks with millions of weights and small batches spend much of a step there. The kernel does
    not know ``amsgrad``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.amsgrad:
            raise CourseError("amsgrad must be False for fast.Adam; use keras.optimizers.Adam.")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one weight in place."""
        index = self._get_variable_index(variable)
        slots = (variable, self._momentums[index], self._velocities[index])
        var, m, v = (s.handle if isinstance(s, tf.Variable) else s.value.handle for s in slots)
        step = tf.cast(self.iterations + 1, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=var,
            m=m,
            v=v,
            beta1_power=tf.pow(self.beta_1, step),
            beta2_power=tf.pow(self.beta_2, step),
            lr=tf.cast(learning_rate, tf.float32),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=tf.cast(gradient, tf.float32),
        )


def equalised(matrix: Any, n_steps: int = 3) -> Any:
    """Bring the singular values of a matrix near to one, and keep its directions.

    A few steps of Newton and Schulz, with the coefficients of K. Jordan et al., Muon (2024,
    https://kellerjordan.github.io/posts/muon/): products of matrices in place of a decomposition.

    Parameters
    ----------
    matrix : tensor of shape (n, m)
    n_steps : int
        Each takes the singular values nearer. Three bring those above 0.02 of the matrix's length
        (the root of the sum of squares) to between 0.7 and 1.2.

    Returns
    -------
    tensor of shape (n, m), float32
    """
    x = tf.cast(matrix, tf.float32)
    wide = x.shape[0] <= x.shape[1]
    x = x if wide else tf.transpose(x)
    x /= tf.norm(x) + 1e-7
    for _ in range(n_steps):
        square = tf.matmul(x, x, transpose_b=True)
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return x if wide else tf.transpose(x)


@keras.saving.register_keras_serializable("course_utils.fast")
class Muon(keras.optimizers.SGD):
    """Gradient descent with momentum, whose steps of convolutions go equally far in all directions.

    The step of a kernel, as a matrix of filters and of what each looks at, is `equalised`; before
    it the kernel gets the length √filters. All other weights take Keras's SGD. Keras's own
    `keras.optimizers.Muon` leaves convolutions to AdamW. The recipe is that of K. Jordan's
    cifar10-airbench (2024, https://arxiv.org/abs/2404.00498, second generation).

    Parameters
    ----------
    learning_rate : float or schedule
        Of the other weights.
    momentum : float, above 0 and below 1
        Of the other weights.
    kernel_rate : float, above 0
        Of the kernels, as a multiple of `learning_rate`.
    kernel_momentum : float, 0 to below 1
        Of the kernels, in Nesterov's way.
    **kwargs
        Further arguments of `keras.optimizers.SGD`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.9,
        kernel_rate: float = 0.5,
        kernel_momentum: float = 0.6,
        **kwargs: Any,
    ) -> None:
        if not 0 < momentum < 1:
            raise CourseError(f"momentum must lie between 0 and 1 for fast.Muon; got {momentum}.")
        super().__init__(learning_rate, momentum=momentum, **kwargs)
        self.kernel_rate, self.kernel_momentum = kernel_rate, kernel_momentum

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one weight in place."""
        if len(variable.shape) != 4:
            super().update_step(gradient, variable, learning_rate)
            return
        velocity = self.momentums[self._get_variable_index(variable)]
        gradient = tf.cast(gradient, tf.float32)
        moved = self.kernel_momentum * tf.convert_to_tensor(velocity) + gradient
        velocity.assign(moved)
        n_filters = variable.shape[-1]
        step = equalised(tf.reshape(gradient + self.kernel_momentum * moved, (-1, n_filters)))
        kernel = tf.cast(tf.convert_to_tensor(variable), tf.float32)
        kernel *= n_filters**0.5 / (tf.norm(kernel) + 1e-7)
        rate = self.kernel_rate * tf.cast(learning_rate, tf.float32)
        variable.assign(kernel - rate * tf.reshape(step, variable.shape))

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same optimiser."""
        own = {"kernel_rate": self.kernel_rate, "kernel_momentum": self.kernel_momentum}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("course_utils.fast")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras's batch norm over the last axis, by TensorFlow's fused kernel.

    Mean, variance and the normalised signal come from one operation, in float32 also where the
    signal is bfloat16. Keras computes them one after the other. There is no batch renormalisation,
    no synchronisation, and always a centre.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        renorm = getattr(self, "renorm", False)  # Keras 3.13, which Colab has, does not know it
        plain = self.center and not renorm and not self.synchronized
        if self.axis != -1 or not plain:
            raise CourseError(
                "fast.BatchNormalization normalises the last axis, with a centre, and nothing "
                "else; use keras.layers.BatchNormalization."
            )

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights, for a signal with two dimensions or four."""
        if len(input_shape) not in (2, 4):
            raise CourseError(
                f"fast.BatchNormalization takes signals with 2 or 4 dimensions; got "
                f"{len(input_shape)}. Use keras.layers.BatchNormalization."
            )
        super().build(input_shape)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalise a batch, and gather its statistics in training."""
        if mask is not None:
            raise CourseError("fast.BatchNormalization takes no mask.")
        # The kernel wants images; a dense signal is an image of one pixel.
        signal = inputs if len(inputs.shape) == 4 else inputs[:, None, None, :]
        gathers = bool(training) and self.trainable
        none = tf.zeros((0,), tf.float32)
        normalised, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=signal,
            scale=tf.convert_to_tensor(self.gamma) if self.scale else tf.ones_like(self.beta),
            offset=tf.convert_to_tensor(self.beta),
            mean=none if gathers else tf.convert_to_tensor(self.moving_mean),
            variance=none if gathers else tf.convert_to_tensor(self.moving_variance),
            epsilon=self.epsilon,
            is_training=gathers,
        )
        if gathers:
            # The kernel divides by n - 1, Keras by n.
            n = tf.cast(tf.size(signal) // tf.shape(signal)[-1], tf.float32)
            variance = variance * (n - 1) / n
            for stored, new in ((self.moving_mean, mean), (self.moving_variance, variance)):
                stored.assign(stored * self.momentum + new * (1 - self.momentum))
        return normalised if len(inputs.shape) == 4 else normalised[:, 0, 0, :]


@keras.saving.register_keras_serializable("course_utils.fast")
class Conv2D(keras.layers.Conv2D):
    """Keras's convolution, with a quicker gradient of the kernel where pictures are small.

    On processors with AMX, the gradient of a 3 by 3 kernel in bfloat16 takes longer than the
    rest of the layer once the signal is 8 pixels wide or less: a row is shorter than the
    processor's tile. Eight pictures of a batch are set side by side for it, with a column of
    zeros between them, so that the sums are the same. Everything else is Keras's.
    """

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Convolve; the gradient of the kernel is taken over pictures set side by side."""
        plain = self.kernel_size == (3, 3) and self.padding == "same" and self.groups == 1
        plain = plain and self.strides == self.dilation_rate == (1, 1)
        if not plain or self.compute_dtype != "bfloat16" or (inputs.shape[2] or 9) > 8:
            return super().convolution_op(inputs, kernel)
        return _small_convolution(inputs, tf.convert_to_tensor(kernel))


@tf.custom_gradient
def _small_convolution(signal: tf.Tensor, kernel: tf.Tensor) -> Any:
    options = {"strides": [1, 1, 1, 1], "padding": "SAME"}

    def gradients(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        of_signal = tf.raw_ops.Conv2DBackpropInput(
            input_sizes=tf.shape(signal), filter=kernel, out_backprop=upstream, **options
        )
        of_kernel = tf.raw_ops.Conv2DBackpropFilter(
            input=_side_by_side(signal),
            filter_sizes=tf.shape(kernel),
            out_backprop=_side_by_side(upstream),
            **options,
        )
        return of_signal, of_kernel

    return tf.nn.conv2d(signal, kernel, **options), gradients


def _side_by_side(signal: tf.Tensor, n: int = 8) -> tf.Tensor:
    """Each `n` pictures of a batch as one wide picture, a column of zeros behind each."""
    missing = -tf.shape(signal)[0] % n
    signal = tf.pad(signal, [[0, missing], [0, 0], [0, 1], [0, 0]])
    return tf.concat(tf.split(signal, n), axis=2)


@keras.saving.register_keras_serializable("course_utils.fast")
class Dropout(keras.layers.Dropout):
    """Keras's dropout, with one random byte for each signal instead of a random float.

    The rate is rounded to a multiple of 1/256: 0.5 and 0.25 are exact, 0.3 becomes 0.3008. The
    signals that stay are scaled by what the rounded rate asks for. It takes no ``noise_shape``.
    """

    def __init__(self, rate: float, noise_shape: Any = None, **kwargs: Any) -> None:
        if noise_shape is not None:
            raise CourseError("fast.Dropout takes no noise_shape; use keras.layers.Dropout.")
        super().__init__(rate, **kwargs)
        self._threshold = min(255, round(256 * rate))

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        """Drop signals in training; hand them on otherwise."""
        if not training or not self._threshold:
            return inputs
        count = tf.size(inputs)
        words = tf.random.stateless_uniform(
            (tf.cast(tf.math.ceil(count / 4), tf.int32),),
            tf.cast(self.seed_generator.next(), tf.int32),
            minval=None,
            maxval=None,
            dtype=tf.uint32,
        )
        in_bytes = tf.reshape(tf.bitcast(words, tf.uint8), (-1,))[:count]
        kept = tf.reshape(in_bytes >= tf.constant(self._threshold, tf.uint8), tf.shape(inputs))
        scale = 256 / (256 - self._threshold)
        return inputs * (tf.cast(kept, inputs.dtype) * tf.cast(scale, inputs.dtype))
