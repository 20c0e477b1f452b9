"""A kernel that runs nothing, and replies to every cell with the status in its first argument."""

import sys

from ipykernel.kernelapp import IPKernelApp
from ipykernel.kernelbase import Kernel

STATUS = sys.argv.pop(1)


class FakeKernel(Kernel):
    implementation, implementation_version, banner = "fake", "1", "fake"
    language_info = {"name": "python", "mimetype": "text/x-python", "file_extension": ".py"}

    async def do_execute(self, code, silent, *_, **__):
        return {"status": STATUS, "execution_count": self.execution_count, "payload": [], "user_expressions": {}}


IPKernelApp.launch_instance(kernel_class=FakeKernel)
