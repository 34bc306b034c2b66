"""The Podstack SDK."""

from . import configuration as configuration
from . import credentials as credentials
from . import credentials_file as credentials_file
from . import dotenv as dotenv
from . import events as events
from . import exceptions as exceptions
from . import login as login
from . import models as models
from . import testing as testing
from . import token as token
from . import transport as transport
from ._arguments import (
    RegistryCredentials as RegistryCredentials,
    UNCHANGED as UNCHANGED,
    Unchanged as Unchanged,
)
from ._async_client import (
    AsyncClient as AsyncClient,
)
from ._async_pods import (
    AsyncBilling as AsyncBilling,
    AsyncGPUs as AsyncGPUs,
    AsyncPodLogs as AsyncPodLogs,
    AsyncPods as AsyncPods,
    AsyncVolumes as AsyncVolumes,
)
from ._async_resources import (
    AsyncAuditLogs as AsyncAuditLogs,
    AsyncAuth as AsyncAuth,
    AsyncMembers as AsyncMembers,
    AsyncPaged as AsyncPaged,
    AsyncProjects as AsyncProjects,
    AsyncTokens as AsyncTokens,
)
from ._client import (
    Client as Client,
)
from ._pods import (
    Billing as Billing,
    GPUs as GPUs,
    PodLogs as PodLogs,
    Pods as Pods,
    Volumes as Volumes,
)
from ._resources import (
    AuditLogs as AuditLogs,
    Auth as Auth,
    Members as Members,
    Page as Page,
    Paged as Paged,
    Projects as Projects,
    Tokens as Tokens,
)
from .configuration import (
    Configuration as Configuration,
    RetryConfiguration as RetryConfiguration,
    Setting as Setting,
)
from .credentials import (
    AsyncCredentialProvider as AsyncCredentialProvider,
    Credential as Credential,
    CredentialProvider as CredentialProvider,
)
from .credentials_file import (
    CredentialsFile as CredentialsFile,
)
from .dotenv import (
    DotEnv as DotEnv,
    load_dotenv as load_dotenv,
    parse_dotenv as parse_dotenv,
    read_dotenv as read_dotenv,
)
from .events import (
    ClientEvent as ClientEvent,
    RequestFailed as RequestFailed,
    RequestFinished as RequestFinished,
    RequestRetried as RequestRetried,
    RequestStarted as RequestStarted,
    TokenExpiring as TokenExpiring,
    TokenReloaded as TokenReloaded,
    WarningEvent as WarningEvent,
)
from .exceptions import (
    AuthenticationError as AuthenticationError,
    ConfigurationError as ConfigurationError,
    ConflictError as ConflictError,
    ExecTimeoutError as ExecTimeoutError,
    GPUNotAvailableError as GPUNotAvailableError,
    InsufficientBalanceError as InsufficientBalanceError,
    NetworkError as NetworkError,
    PermissionError as PermissionError,
    PodFileError as PodFileError,
    PodNotRunningError as PodNotRunningError,
    PodstackError as PodstackError,
    QuotaExceededError as QuotaExceededError,
    RateLimitError as RateLimitError,
    ResourceNotFoundError as ResourceNotFoundError,
    ServerError as ServerError,
    ValidationError as ValidationError,
)
from .login import (
    AsyncDeviceLogin as AsyncDeviceLogin,
    AsyncDeviceLoginRequest as AsyncDeviceLoginRequest,
    DeviceLogin as DeviceLogin,
    DeviceLoginRequest as DeviceLoginRequest,
)
from .models import (
    AuditEvent as AuditEvent,
    Creator as Creator,
    GPU as GPU,
    Invitation as Invitation,
    Member as Member,
    MissingPermission as MissingPermission,
    Permission as Permission,
    Pod as Pod,
    PodEvent as PodEvent,
    PodExecResult as PodExecResult,
    PodLimits as PodLimits,
    PodMetrics as PodMetrics,
    PodPort as PodPort,
    Project as Project,
    SpendLimit as SpendLimit,
    Token as Token,
    Usage as Usage,
    UsageRow as UsageRow,
    User as User,
    Volume as Volume,
    VolumeMount as VolumeMount,
    Wallet as Wallet,
)
from .token import (
    APIToken as APIToken,
)
from .transport import (
    AsyncTransport as AsyncTransport,
    Transport as Transport,
    TransportFailure as TransportFailure,
    TransportRequest as TransportRequest,
    TransportResponse as TransportResponse,
)
from ._tuples import (
    CreatedToken as CreatedToken,
    Shadow as Shadow,
    Source as Source,
    TransferProgress as TransferProgress,
    TransferSummary as TransferSummary,
)

__version__: str
__all__ = [
    "APIToken",
    "AsyncAuditLogs",
    "AsyncAuth",
    "AsyncBilling",
    "AsyncClient",
    "AsyncCredentialProvider",
    "AsyncDeviceLogin",
    "AsyncDeviceLoginRequest",
    "AsyncGPUs",
    "AsyncMembers",
    "AsyncPaged",
    "AsyncPodLogs",
    "AsyncPods",
    "AsyncProjects",
    "AsyncTokens",
    "AsyncTransport",
    "AsyncVolumes",
    "AuditEvent",
    "AuditLogs",
    "Auth",
    "AuthenticationError",
    "Billing",
    "Client",
    "ClientEvent",
    "Configuration",
    "ConfigurationError",
    "ConflictError",
    "CreatedToken",
    "Creator",
    "Credential",
    "CredentialProvider",
    "CredentialsFile",
    "DeviceLogin",
    "DeviceLoginRequest",
    "DotEnv",
    "ExecTimeoutError",
    "GPU",
    "GPUNotAvailableError",
    "GPUs",
    "InsufficientBalanceError",
    "Invitation",
    "Member",
    "Members",
    "MissingPermission",
    "NetworkError",
    "Page",
    "Paged",
    "Permission",
    "PermissionError",
    "Pod",
    "PodEvent",
    "PodExecResult",
    "PodFileError",
    "PodLimits",
    "PodLogs",
    "PodMetrics",
    "PodNotRunningError",
    "PodPort",
    "Pods",
    "PodstackError",
    "Project",
    "Projects",
    "QuotaExceededError",
    "RateLimitError",
    "RegistryCredentials",
    "RequestFailed",
    "RequestFinished",
    "RequestRetried",
    "RequestStarted",
    "ResourceNotFoundError",
    "RetryConfiguration",
    "ServerError",
    "Setting",
    "Shadow",
    "Source",
    "SpendLimit",
    "Token",
    "TokenExpiring",
    "TokenReloaded",
    "Tokens",
    "TransferProgress",
    "TransferSummary",
    "Transport",
    "TransportFailure",
    "TransportRequest",
    "TransportResponse",
    "UNCHANGED",
    "Unchanged",
    "Usage",
    "UsageRow",
    "User",
    "ValidationError",
    "Volume",
    "VolumeMount",
    "Volumes",
    "Wallet",
    "WarningEvent",
    "load_dotenv",
    "parse_dotenv",
    "read_dotenv",
]
