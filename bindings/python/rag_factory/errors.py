"""The one exception that the package raises of its own."""


class RagFactoryError(ValueError):
    """What was asked for cannot be done; the message names the thing and the remedy.

    `status` is what a caller would branch on: "invalid argument", "input/output error", "not found", "bad format",
    "unsupported", "network error", "ONNX Runtime error", "cancelled" or "text too long".
    """

    status: str = "invalid argument"
