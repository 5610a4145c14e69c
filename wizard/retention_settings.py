"""The settings that say for how long anything is kept; docs/running.md has them by kind of data."""

from datetime import timedelta

from pydantic import BaseModel, Field

from wizard.setting_types import Duration


class RetentionSettings(BaseModel):
    """Those of `Settings` that are about retention."""

    retention_completed: Duration = Field(
        timedelta(days=365),
        description="For how long what was typed on the way to a record, and the desk’s notes on it, stay in the audit "
        "trail after the last event of its registration; here and below the events themselves stay",
    )
    retention_cancelled: Duration = Field(
        timedelta(days=30), description="The same of a registration that was cancelled"
    )
    retention_expired: Duration = Field(timedelta(days=90), description="The same of one whose time was over")
    retention_failed: Duration = Field(
        timedelta(days=180), description="The same of one that failed or was in conflict, and became no record"
    )
    retention_history: Duration = Field(
        timedelta(days=730),
        description="For how long the values before and after each change of a record or account there is, reasons and "
        "notes about it are kept",
    )
    retention_deleted: Duration = Field(
        timedelta(days=90), description="For how long those of a record are kept after it was deleted"
    )
    retention_desk: Duration = Field(
        timedelta(days=365), description="For how long what else the desk typed, such as searches of exports, is kept"
    )
    retention_codes: Duration = Field(
        timedelta(days=1), description="For how long the digest of a code is kept after its ten minutes"
    )
    retention_links: Duration = Field(
        timedelta(days=90),
        description="For how long the digest of a link to continue, and how often it was used, are kept after its end",
    )
    retention_mails: Duration = Field(
        timedelta(days=365),
        description="For how long it is known that an e-mail went out; its address and text are erased when it is sent",
    )
    retention_bulk: Duration = Field(
        timedelta(days=30), description="For how long a file for bulk registration, and the rows to mend, are kept"
    )
    retention_reports: Duration = Field(
        timedelta(days=365), description="For how long what came of each row is known, without what stood in it"
    )
    retention_staff: Duration = Field(
        timedelta(days=365),
        description="For how long name, password and second factor of somebody who left the desk are kept; the user "
        "name stays with what they did",
    )
    retention_inactive: Duration | None = Field(
        None,
        description="Erase the person of an account that has been inactive for so long; unset, nobody is erased "
        "without being asked for",
    )

    def retention_contradictions(self, longest_life: timedelta) -> list[str]:
        """What does not go together, each problem naming its setting."""
        if self.retention_mails >= longest_life:
            return []
        # What is known of a mail keeps it from being sent twice for one registration.
        least = "WIZARD_SESSION_MAX_AGE and WIZARD_SESSION_GRACE together"
        return [f"WIZARD_RETENTION_MAILS: may not be shorter than {least}."]
