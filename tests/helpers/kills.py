"""A process that is killed behind a step of an erasure, as the code around the step sees it."""


class Killed(BaseException):
    """The kill; no handler of errors catches it."""


def kill_after(step):
    """Return the step with a kill behind it."""

    def killed(work):
        step(work)
        raise Killed

    return killed
