import PodstackAPI

/// The contents of a request and of its successful response.
struct OperationDescription {
    struct Parameter {
        var name: String
        var schema: JSONValue
        var isRequired = false
        /// The meaning of the parameter for this operation; nil if it is the same everywhere.
        var meaning: Examples.Parameter?

        init(name: String, schema: JSONValue, isRequired: Bool = false) {
            self.name = name
            self.schema = schema
            self.isRequired = isRequired
        }

        /// Creates a parameter whose meaning and example are those of one operation.
        init(
            _ name: String, _ schema: JSONValue, _ description: String, _ example: JSONValue, isRequired: Bool = false
        ) {
            self.init(name: name, schema: schema, isRequired: isRequired)
            meaning = Examples.Parameter(description, example)
        }
    }

    var summary: String
    /// More than the summary says; nil if that is all.
    var description: String?
    var query: [Parameter] = []
    /// The component that describes the request's body; nil if the request has none.
    var body: String?
    var bodyType = "application/json"
    var isBodyOptional = false
    var status = 200
    /// The component that describes the response's body; nil if the response has none.
    var response: String?
    var responseType = "application/json"
    /// Further statuses of a success, whose responses have no body.
    var otherSuccesses: [Int] = []
    /// Statuses of errors beside those that all operations of its kind have.
    var otherErrors: [Int] = []

    /// Whether the body is a form and errors are those of OAuth.
    var isOAuth: Bool { bodyType == Self.form }

    fileprivate static let form = "application/x-www-form-urlencoded"
    static let tar = "application/x-tar"
    static let paging = [
        Parameter(name: "limit", schema: Schema.integer(from: 1, to: 200)),
        Parameter(name: "cursor", schema: Schema.text(3...45, pattern: "^(0|[1-9][0-9]{0,17})-[0-9A-Za-z_]{1,24}$")),
    ]
}

/// The groups of operations in the document.
enum OperationTag: String, CaseIterable {
    case auth = "Auth"
    case tokens = "Tokens"
    case projects = "Projects"
    case members = "Members"
    case invitations = "Invitations"
    case pods = "Pods"
    case volumes = "Volumes"
    case billing = "Billing"
    case auditLogs = "Audit logs"
    case deviceFlow = "Device flow"
    case operation = "Operation"

    /// The description of the group.
    var description: String {
        switch self {
        case .auth: "The user and the permissions behind a token."
        case .tokens: "Create, restrict, rotate and revoke API tokens, and report leaked ones."
        case .projects: "Projects group resources and members."
        case .members: "The users of a project, with their roles and permissions."
        case .invitations: "The projects that the user is invited to."
        case .pods: "Containers, with or without GPUs: create, start, stop, watch and use them."
        case .volumes: "Disks that outlive the pods that mount them."
        case .billing: "The prices of GPUs, the wallet, and what the pods cost."
        case .auditLogs: "Who changed what, and when."
        case .deviceFlow:
            "Sign in programs without a browser, as RFC 8628 describes; the OAuth operations follow it word by word."
        case .operation: "Health, metrics and this document, for operators."
        }
    }
}

extension OperationID {
    /// The group of this operation in the document.
    var tag: OperationTag {
        switch self {
        case .getHealth, .getReadiness, .getMetrics, .getDocument: .operation
        case .whoami, .checkPermission: .auth
        case .listTokens, .createToken, .getToken, .updateToken, .revokeToken, .rotateToken, .getOwnToken,
            .revokeOwnToken, .rotateOwnToken, .reportTokens:
            .tokens
        case .beginDevice, .fetchDeviceToken, .getOAuthMetadata, .beginOAuthDevice, .fetchOAuthToken: .deviceFlow
        case .listProjects, .createProject, .getProject, .updateProject, .deleteProject: .projects
        case .listMembers, .addMember, .updateMember, .removeMember: .members
        case .listInvitations, .acceptInvitation, .declineInvitation: .invitations
        case .listPods, .createPod, .getPod, .updatePod, .deletePod, .startPod, .stopPod, .restartPod, .getPodLogs,
            .execInPod, .downloadPodFiles, .uploadPodFiles, .getPodMetrics, .listPodEvents:
            .pods
        case .listVolumes, .createVolume, .getVolume, .deleteVolume: .volumes
        case .listGPUs, .getWallet, .getUsage: .billing
        case .listAuditLogs: .auditLogs
        }
    }
}

extension OperationID {
    /// The description of this operation in the document.
    var details: OperationDescription {
        switch self {
        case .getHealth:
            OperationDescription(
                summary: "Check that the service is running",
                description: "Says that the process answers, not that its database works.", response: "Status")
        case .getReadiness:
            OperationDescription(
                summary: "Check that the service can save changes in its database",
                description:
                    """
                    Writes to the database, so that a full disk or a read-only replica is noticed. For load \
                    balancers.
                    """,
                response: "Status")
        case .getMetrics:
            OperationDescription(
                summary: "Get the metrics of the service in the Prometheus text format", response: "Text",
                responseType: "text/plain")
        case .getDocument: OperationDescription(summary: "Get this document", response: "Any")
        case .whoami:
            OperationDescription(summary: "Get the user, the account and the token of the request", response: "User")
        case .checkPermission:
            OperationDescription(
                summary: "Check whether the token may perform an action, and what it lacks",
                description:
                    "Neither performs nor records the action. `missing` lists everything that the token lacks.",
                query: [
                    OperationDescription.Parameter(name: "scope", schema: Schema.scope, isRequired: true),
                    OperationDescription.Parameter(name: "project", schema: Schema.parameter),
                ], response: "Permission")
        case .listTokens:
            OperationDescription(
                summary: "List tokens, newest first", query: OperationDescription.paging, response: "TokenPage")
        case .createToken:
            OperationDescription(
                summary: "Create a token",
                description:
                    """
                    The only response that contains the token. It never has more scopes, more projects or a longer \
                    lifetime than the token that creates it. With `id` and `sha256` of a token that the caller \
                    generated, the response contains no secret.
                    """,
                body: "NewToken", status: 201, response: "CreatedToken")
        case .getToken: OperationDescription(summary: "Get a token", response: "Token")
        case .updateToken:
            OperationDescription(
                summary: "Rename a token, or reduce its scopes or projects",
                description: "Scopes and projects can only shrink.", body: "TokenUpdate", response: "Token")
        case .revokeToken:
            OperationDescription(
                summary: "Revoke a token immediately",
                description: "Once this returns, every instance of the service rejects the token.", status: 204)
        case .rotateToken:
            OperationDescription(
                summary: "Rotate a token: give it a new secret",
                description:
                    """
                    The new secret is pending until its first use, at most 24 hours. From then on, the old secret \
                    works for `grace_seconds` (default: 3600).
                    """,
                body: "TokenRotation", isBodyOptional: true,
                response: "CreatedToken")
        case .getOwnToken: OperationDescription(summary: "Get the token of the request", response: "Token")
        case .revokeOwnToken:
            OperationDescription(
                summary: "Revoke the token of the request immediately",
                description: "Needs no scope. Once this returns, every instance of the service rejects the token.",
                status: 204)
        case .rotateOwnToken:
            OperationDescription(
                summary: "Rotate the token of the request: give it a new secret",
                description:
                    """
                    Needs no scope. The new secret is pending until its first use, at most 24 hours. From then on, \
                    the old secret works for `grace_seconds` (default: 3600).
                    """,
                body: "TokenRotation",
                isBodyOptional: true,
                response: "CreatedToken")
        case .reportTokens:
            OperationDescription(
                summary: "Report leaked tokens; valid ones are revoked",
                description:
                    """
                    Needs no token: possession of the leaked ones is the proof. The response is the same for every \
                    valid report.
                    """,
                body: "TokenReport", status: 202)
        case .beginDevice:
            OperationDescription(
                summary: "Start the device flow (RFC 8628): request a device code and a user code",
                description:
                    """
                    Show the user `user_code` and `verification_uri`, then poll `fetchDeviceToken` every `interval` \
                    seconds.
                    """,
                body: "NewDeviceCode",
                response: "DeviceCode")
        case .fetchDeviceToken:
            OperationDescription(
                summary: "Poll for the token of a device code",
                description:
                    """
                    Fails with `authorization_pending` until the user decides, and with `slow_down` if it is called \
                    too often.
                    """,
                body: "DeviceTokenRequest", response: "CreatedToken")
        case .getOAuthMetadata:
            OperationDescription(
                summary: "Get the endpoints of this service for OAuth clients (RFC 8414)", response: "OAuthMetadata")
        case .beginOAuthDevice:
            OperationDescription(
                summary: "Start the device flow as an OAuth client (RFC 8628, section 3.1)", body: "OAuthDeviceRequest",
                bodyType: OperationDescription.form, response: "DeviceCode")
        case .fetchOAuthToken:
            OperationDescription(
                summary: "Poll for the token of a device code as an OAuth client (RFC 8628, section 3.4)",
                description:
                    """
                    Fails with `authorization_pending` until the user decides, and with `slow_down` if it is called \
                    too often.
                    """,
                body: "OAuthTokenRequest", bodyType: OperationDescription.form, response: "OAuthToken")
        case .listProjects:
            OperationDescription(
                summary: "List projects, newest first", query: OperationDescription.paging, response: "ProjectPage")
        case .createProject:
            OperationDescription(summary: "Create a project", body: "NewProject", status: 201, response: "Project")
        case .getProject: OperationDescription(summary: "Get a project", response: "Project")
        case .updateProject:
            OperationDescription(summary: "Update a project", body: "ProjectUpdate", response: "Project")
        case .deleteProject:
            OperationDescription(
                summary: "Delete an empty project",
                description: "Fails with `project_not_empty` while it has other members.", status: 204)
        case .listMembers:
            OperationDescription(
                summary: "List the members of a project", query: OperationDescription.paging, response: "MemberPage")
        case .addMember:
            OperationDescription(
                summary: "Invite a user to a project",
                description: "The user has no access until they accept, which they can for 24 hours.",
                body: "NewMember", status: 201, response: "Member")
        case .updateMember:
            OperationDescription(
                summary: "Update, deactivate or activate a member", body: "MemberUpdate", response: "Member")
        case .removeMember:
            OperationDescription(
                summary: "Remove a member from a project, or leave it",
                description:
                    "A user may always leave, except the last active admin and the user whose default project it is.",
                status: 204)
        case .listInvitations:
            OperationDescription(
                summary: "List the invitations of the user, newest first",
                description: "Only those to projects that the token includes.", query: OperationDescription.paging,
                response: "InvitationPage")
        case .acceptInvitation:
            OperationDescription(
                summary: "Accept an invitation to a project",
                description: "Only the invited user can accept, with any token that includes the project.",
                response: "Member")
        case .declineInvitation:
            OperationDescription(
                summary: "Decline an invitation to a project",
                description: "Only the invited user can decline, with any token that includes the project.", status: 204
            )
        case .listPods: .listPods
        case .createPod: .createPod
        case .getPod: .getPod
        case .updatePod: .updatePod
        case .deletePod: .deletePod
        case .startPod: .startPod
        case .stopPod: .stopPod
        case .restartPod: .restartPod
        case .getPodLogs: .getPodLogs
        case .execInPod: .execInPod
        case .downloadPodFiles: .downloadPodFiles
        case .uploadPodFiles: .uploadPodFiles
        case .getPodMetrics: .getPodMetrics
        case .listPodEvents: .listPodEvents
        case .listVolumes: .listVolumes
        case .createVolume: .createVolume
        case .getVolume: .getVolume
        case .deleteVolume: .deleteVolume
        case .listGPUs: .listGPUs
        case .getWallet: .getWallet
        case .getUsage: .getUsage
        case .listAuditLogs:
            OperationDescription(
                summary: "List audit events, newest first; with Accept: text/csv, as CSV",
                description:
                    """
                    Lists the events of the account or, with `X-Project-ID`, those of one project. A CSV export has \
                    up to 10,000 events; the header `Podstack-Next-Cursor` is the cursor of the rest.
                    """,
                query: ["action", "resource_type", "user", "q"].map {
                    OperationDescription.Parameter(name: $0, schema: Schema.parameter)
                }
                    + ["since", "until"].map { OperationDescription.Parameter(name: $0, schema: Schema.time) }
                    + OperationDescription.paging,
                response: "AuditEventPage")
        }
    }
}
