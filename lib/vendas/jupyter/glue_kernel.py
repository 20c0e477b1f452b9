"""The Glue PySpark kernel (of the package aws-glue-sessions 1.0.9), made to fail closed.

The original kernel replies `ok` for a cell that Glue never ran, because there is no session, or a call was refused,
throttled or lost. In this kernel each of these is an error of the cell, so that the cells below do not run. Besides, a
cell shows its value as a notebook on this machine does, the session gets the settings of the user who opened it,
certificates are checked, and the kernel does not ask the Python package index for a newer version.
"""

import json
import os
import time
from contextlib import suppress

# Import this first: it patches the import of botocore, so that botocore finds a model of the sessions API.
from aws_glue_interactive_sessions_kernel.glue_pyspark.GlueKernel import GlueKernel

# isort: split
import boto3
from aws_glue_interactive_sessions_kernel.glue_kernel_utils.GlueSessionsConstants import FINAL_STATEMENT_STATUS
from aws_glue_interactive_sessions_kernel.glue_kernel_utils.KernelGateway import KernelGateway
from ipykernel.kernelapp import IPKernelApp

from vendas.jupyter.glue_output import split_output, wrap_last_value
from vendas.machine.job_environment import REGION

ARGUMENTS = "glue_default_arguments"  # JSON; the original kernel has no variable for the arguments
_WAIT_SECONDS = 1
_ENDED = ("TIMEOUT", "STOPPING", "STOPPED", "FAILED")
_AGAIN = "Run the notebook from its first cell: that makes a new session."


class Gateway(KernelGateway):
    """Creates clients that check certificates, unlike the kernel's own, and follow the standard variables of AWS."""

    def initialize_clients(self, profile=None, region=None, endpoint_url=None, temp_credentials=None):
        if temp_credentials:
            return super().initialize_clients(profile, region, endpoint_url, temp_credentials)
        session = boto3.Session(profile_name=profile, region_name=region)
        self.sts_client, self.iam_client, self.s3_client = map(session.client, ("sts", "iam", "s3"))
        self.glue_client = session.client("glue", endpoint_url=endpoint_url)


class SessionKernel(GlueKernel):
    """Overrides how a cell ends; the creation of sessions and statements stays the original kernel's."""

    def __init__(self, **given):
        self._sent, self._said = False, []
        super().__init__(**given)
        self.kernel_gateway = Gateway()

    def reset_kernel(self):
        super().reset_kernel()
        self.kernel_gateway = Gateway()

    def _set_default_arguments(self):
        super()._set_default_arguments()
        self.default_arguments |= json.loads(os.environ.get(ARGUMENTS, "{}"))

    def _get_latest_kernel_version(self, name):
        return None

    # --- a session

    def create_session(self):
        if self.get_session_id():
            status = self.get_session_status()
            self.reset_kernel()
            raise RuntimeError(f"the session is {status}, and what the cells above made went with it.")
        try:
            super().create_session()
            session = self.kernel_gateway.get_session(self.get_session_id())["Session"]
            if session["Status"] != "READY":
                raise RuntimeError(
                    f"the session is {session['Status']}: {session.get('ErrorMessage', 'no reason given')}"
                )
            self._hand_over_settings()
        except Exception:
            self.stop_session()
            self.reset_kernel()
            raise

    def _hand_over_settings(self):
        settings = {name: value for name, value in os.environ.items() if name.startswith("VENDAS_")}
        # In a session boto3 has no region of its own, and S3A would use one region for all buckets.
        settings |= dict.fromkeys(REGION, self.kernel_gateway.glue_client.meta.region_name)
        code = f"import os, vendas.jupyter.glue_output; os.environ.update({settings!r})"
        gateway, session = self.kernel_gateway, self.get_session_id()
        asked = gateway.run_statement(session, code)["Id"]
        done = gateway.get_statement(session, asked)["Statement"]
        while done["State"] not in FINAL_STATEMENT_STATUS:
            time.sleep(_WAIT_SECONDS)
            done = gateway.get_statement(session, asked)["Statement"]
        if not _went_well(done):
            said = done.get("Output", {}).get("ErrorValue", done["State"])
            raise RuntimeError(f"the session cannot use this project: {said}. Check VENDAS_GLUE_MODULES")

    # --- a cell

    async def do_execute(self, code, silent, store_history=True, user_expressions=None, allow_stdin=False):
        self._sent, self._said = False, []
        try:
            answer = await super().do_execute(code, silent, store_history, user_expressions, allow_stdin)
            return answer or self._fail("KeyboardInterrupt", "the cell was interrupted")
        except (Exception, KeyboardInterrupt) as error:
            return self._fail(type(error).__name__, " ".join([*self._said, str(error)]))

    async def _execute_magics(self, code, *given):
        code = await super()._execute_magics(code, *given)
        if isinstance(code, dict):  # the kernel's reply to magics that failed
            raise RuntimeError("the cell's magics failed")
        self._sent = bool(code)
        return code and wrap_last_value(code)

    async def _complete_cell(self):
        """Fail a cell that the kernel gives up as if it had run; a cell without code also ends here, successfully."""
        if not self._sent:
            return await super()._complete_cell()
        status = self.get_session_status()
        if status in _ENDED:
            self.reset_kernel()
            self._said.append(f"The session is {status}.")
        why = " ".join(self._said) or "No reason is given."
        again = "" if self.get_session_id() else f" {_AGAIN}"
        return self._fail("GlueError", f"Glue did not run the cell. {why}{again}")

    def _construct_reply_content(self, statement):
        if _went_well(statement):
            return super()._construct_reply_content(statement)
        said = statement.get("Output") or {}
        self.display_result(said)  # what it printed before it failed
        state = f"the statement is {statement['State']}"
        return self._fail(said.get("ErrorName", "GlueError"), said.get("ErrorValue", state), said.get("Traceback"))

    def _cancel_statement(self, statement_id):
        """Cancel a statement without waiting; the kernel's own waits forever if it ended before the cancellation."""
        with suppress(Exception):
            self.kernel_gateway.cancel_statement(self.get_session_id(), statement_id)

    def _fail(self, name, value, traceback=None):
        said = {"ename": name, "evalue": value, "traceback": traceback or [f"{name}: {value}"]}
        self.send_response(self.iopub_socket, "error", said)
        return {"status": "error", "execution_count": self.execution_count, **said}

    # --- output

    def display_result(self, statement_output):
        data = statement_output.get("Data", {})
        if data.keys() != {"TextPlain"}:
            return super().display_result(statement_output)
        printed, shown, metadata = split_output(data["TextPlain"])
        if printed:
            self.send_response(self.iopub_socket, "stream", {"name": "stdout", "text": printed})
        if shown:
            content = {"execution_count": self.execution_counter - 1, "data": shown, "metadata": metadata}
            self.send_response(self.iopub_socket, "execute_result", content)

    def _send_error_output(self, output):
        self._said.append(output.strip())
        super()._send_error_output(output)

    def _print_traceback(self, e):
        self._said.append(f"{type(e).__name__}: {e}")


def _went_well(statement):
    output = statement.get("Output", {})
    return statement["State"] == "COMPLETED" or (statement["State"], output.get("Status")) == ("AVAILABLE", "ok")


if __name__ == "__main__":
    IPKernelApp.launch_instance(kernel_class=SessionKernel)
