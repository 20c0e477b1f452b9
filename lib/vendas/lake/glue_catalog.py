"""The Glue Data Catalog as the catalog of a lake in S3; imported where one is used, since it takes a while."""

from typing import Any

from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.exceptions import CommitFailedException

_METADATA = "metadata_location"


class LakeGlueCatalog(GlueCatalog):
    """The tables of a database of the Glue Data Catalog."""

    def _update_glue_table(self, database_name: str, table_name: str, table_input: Any, version_id: str) -> None:
        """Commit a metadata file. Raises: CommitFailedException if another commit came first.

        A request whose answer was lost is sent again by AWS's client, and then refused, because it has been done.
        """
        try:
            super()._update_glue_table(database_name, table_name, table_input, version_id)
        except CommitFailedException:
            now = self.load_table((database_name, table_name))
            former = {log.metadata_file for log in now.metadata.metadata_log}
            if table_input["Parameters"][_METADATA] not in {now.metadata_location} | former:
                raise
