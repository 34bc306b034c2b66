"""The Podstack SDK: finds your API token where the documentation says it is, and calls the API.

```python
from podstack import Client

client = Client()
user = client.auth.whoami()
print(f"Authenticated as: {user.email}")
```

The names of this module are loaded when they are first used, so that importing it takes no time.
"""

__version__ = "0.2.0"

_MODULES = {
    "_client": ("Client",),
    "_async_client": ("AsyncClient",),
    "configuration": ("Configuration", "RetryConfiguration", "Setting"),
    "credentials": ("Credential", "CredentialProvider", "AsyncCredentialProvider"),
    "credentials_file": ("CredentialsFile",),
    "dotenv": ("DotEnv", "load_dotenv", "parse_dotenv", "read_dotenv"),
    "events": (
        "ClientEvent", "RequestFailed", "RequestFinished", "RequestRetried", "RequestStarted", "TokenExpiring", "TokenReloaded",
        "WarningEvent",
    ),
    "exceptions": (
        "AuthenticationError", "ConfigurationError", "ConflictError", "ExecTimeoutError", "GPUNotAvailableError",
        "InsufficientBalanceError", "NetworkError", "PermissionError", "PodFileError", "PodNotRunningError",
        "PodstackError", "QuotaExceededError", "RateLimitError", "ResourceNotFoundError", "ServerError",
        "ValidationError",
    ),
    "login": ("AsyncDeviceLogin", "AsyncDeviceLoginRequest", "DeviceLogin", "DeviceLoginRequest"),
    "models": (
        "AuditEvent", "Creator", "GPU", "Invitation", "Member", "MissingPermission", "Permission", "Pod", "PodEvent",
        "PodExecResult", "PodLimits", "PodMetrics", "PodPort", "Project", "SpendLimit", "Token", "Usage", "UsageRow",
        "User", "Volume", "VolumeMount", "Wallet",
    ),
    "_arguments": ("RegistryCredentials", "UNCHANGED", "Unchanged"),
    "_pods": ("Billing", "GPUs", "PodLogs", "Pods", "Volumes"),
    "_async_pods": ("AsyncBilling", "AsyncGPUs", "AsyncPodLogs", "AsyncPods", "AsyncVolumes"),
    "_resources": ("AuditLogs", "Auth", "Members", "Page", "Paged", "Projects", "Tokens"),
    "_async_resources": (
        "AsyncAuditLogs", "AsyncAuth", "AsyncMembers", "AsyncPaged", "AsyncProjects", "AsyncTokens",
    ),
    "token": ("APIToken",),
    "_tuples": ("CreatedToken", "Shadow", "Source", "TransferProgress", "TransferSummary"),
    "transport": ("AsyncTransport", "Transport", "TransportFailure", "TransportRequest", "TransportResponse"),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}
_SUBMODULES = (
    "configuration", "credentials", "credentials_file", "dotenv", "events", "exceptions", "login", "models",
    "testing", "token", "transport",
)

__all__ = sorted(_HOMES)


def __getattr__(name):
    from importlib import import_module

    if name in _SUBMODULES:
        return import_module("." + name, __name__)
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module("." + _HOMES[name], __name__), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__, *_SUBMODULES})
