"""The settings of the OpenID provider that staff may sign in with."""

from pydantic import BaseModel, Field

from wizard.setting_types import Issuer, Listed

_NEEDED = ("oidc_client_id", "oidc_client_secret", "oidc_claim")


class OidcSettings(BaseModel):
    """Those of `Settings` that are about the provider; without an issuer none of them counts."""

    oidc_issuer: Issuer | None = Field(
        None,
        description="The OpenID Connect provider that staff may sign in with, exactly as it names itself; unset, none",
    )
    oidc_client_id: str = Field("", description="Our name there")
    oidc_client_secret: str = Field("", repr=False, description="Our secret there")
    oidc_label: str = Field("", description="What it is called on the button, such as Microsoft or Google")
    oidc_scopes: Listed = Field(
        ("openid", "profile", "email"), description="Comma-separated, what the provider is asked for"
    )
    oidc_claim: str = Field(
        "roles",
        description="The claim that decides what somebody may do: a text or a list, also inside another, as "
        "`realm_access.roles`; an `email` counts where the provider has verified it",
    )
    oidc_admin_values: Listed = Field((), description="Comma-separated values of it that stand for `admin`")
    oidc_main_values: Listed = Field((), description="Comma-separated values of it that stand for `main`")
    oidc_acr: Listed = Field(
        (), description="Comma-separated; the `acr` of each sign-in must be one of them, and they are asked for"
    )
    oidc_amr: Listed = Field((), description="Comma-separated; the `amr` of each sign-in must hold one of them")
    oidc_timeout: float = Field(
        5.0, gt=0, le=30, description="For how many seconds an answer of the provider is waited for"
    )

    def oidc_contradictions(self) -> list[str]:
        """What does not go together, each problem naming its setting."""
        if self.oidc_issuer is None:
            return []
        missing = [field for field in _NEEDED if not getattr(self, field)]
        problems = [f"WIZARD_{field.upper()}: required with WIZARD_OIDC_ISSUER." for field in missing]
        if not self.oidc_admin_values and not self.oidc_main_values:
            problems.append("WIZARD_OIDC_ADMIN_VALUES, WIZARD_OIDC_MAIN_VALUES: without either nobody could sign in.")
        if set(self.oidc_admin_values) & set(self.oidc_main_values):
            problems.append("WIZARD_OIDC_ADMIN_VALUES, WIZARD_OIDC_MAIN_VALUES: no value may stand for both.")
        if "openid" not in self.oidc_scopes:
            problems.append("WIZARD_OIDC_SCOPES: openid must be among them.")
        return problems
