"""The example's model: a real TensorFlow SavedModel that rotates pictures, exported by the libraries that were built.

It runs in a process of its own, the applib alone on `sys.path`: the build itself does not need TensorFlow.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from heavylift.build.errors import BuildError

_EXPORT = """
import sys
sys.path[0] = sys.argv[1]  # not the working folder: -I would do that, and also ignore PYTHONHASHSEED
import tensorflow as tf


class Rotation(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None, None, None], tf.uint8, name="image"),
                                  tf.TensorSpec([], tf.int32, name="mode")])
    def rotate(self, image, mode):
        transposed = tf.transpose(image, perm=[1, 0, 2])
        turns = [lambda: transposed,
                 lambda: tf.reverse(transposed, axis=[1]),   # 90 degrees clockwise
                 lambda: tf.reverse(image, axis=[0, 1]),     # 180
                 lambda: tf.reverse(transposed, axis=[0])]   # 270
        # The shape is lost on the way through the branches: they exchange the axes or do not.
        return {"image": tf.ensure_shape(tf.switch_case(mode, turns), [None, None, None])}


module = Rotation()
tf.saved_model.save(module, sys.argv[2], signatures={"rotate": module.rotate})
"""


def export_model(applib: Path, interpreter: Path, target: Path) -> None:
    """Export the model.

    Signature `rotate`: `image`, uint8 [height, width, channels], and `mode`, an int32 scalar (0: axes exchanged; 1, 2, 3: 90, 180,
    270 degrees clockwise); returns `image`, uint8.

    Args:
        applib: a folder with tensorflow.
        interpreter: the Python that it is built for.
        target: the folder to write the SavedModel to.

    Raises:
        BuildError: TensorFlow cannot be imported or refuses; the message is its last line.
    """
    done = subprocess.run(
        [str(interpreter), "-s", "-S", "-c", _EXPORT, str(applib), str(target)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONHASHSEED": "0"},
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"the process ended with {done.returncode}"]
        raise BuildError(lines[-1])
    # A random id that is only ever logged: without it, the same model gives the same bytes.
    (target / "fingerprint.pb").unlink(missing_ok=True)
