"""A client that waits for a kernel: no longer than necessary, and not for ever."""

import asyncio
from queue import Empty

import pytest

from vendas.runs import forked_kernels
from vendas.runs.forked_kernels import PromptClient

INFO = {"msg_type": "kernel_info_reply"}


class Kernel(PromptClient):
    """A client of a kernel that gives these answers in turn, and ends after so many questions."""

    def __init__(self, *answers, ends_after=99):
        super().__init__()
        self.answers, self.ends_after, self.asked, self.handled = list(answers), ends_after, 0, []

    def kernel_info(self):
        self.asked += 1

    async def get_shell_msg(self, timeout):
        answer = self.answers.pop(0)
        if answer is None:
            raise Empty
        return answer

    async def get_iopub_msg(self, timeout):
        if self.answers and self.answers[0] == "no output yet":
            self.answers.pop(0)
            raise Empty

    def _handle_kernel_info_reply(self, reply):
        self.handled.append(reply)

    async def is_alive(self):
        return self.asked < self.ends_after


def wait(kernel, timeout=None):
    asyncio.run(kernel.wait_for_ready(timeout))


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        ([INFO], 1),
        ([None, None, INFO], 3),
        ([INFO, "no output yet", INFO], 2),
        ([{"msg_type": "execute_reply"}, INFO], 2),
    ],
)
def test_it_asks_until_the_kernel_answers_and_its_outputs_come(answers, asked):
    kernel = Kernel(*answers)
    wait(kernel)
    assert (kernel.asked, kernel.handled) == (asked, [INFO])


def test_a_kernel_that_has_ended_is_not_waited_for():
    with pytest.raises(RuntimeError, match="ended before it answered"):
        wait(Kernel(None, None, None, ends_after=2))


def test_a_kernel_that_never_answers_is_given_up(monkeypatch):
    clock = iter([0, 30, 60, 61])
    monkeypatch.setattr(forked_kernels, "monotonic", lambda: next(clock))
    kernel = Kernel(None, None, None, None)
    with pytest.raises(RuntimeError, match="did not answer in 60 seconds"):
        wait(kernel, timeout=60)
    assert kernel.asked == 3
