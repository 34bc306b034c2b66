import Podstack
import PodstackAPI
import PodstackCommandLine

/// `podstack volume`: the volumes that pods mount.
enum VolumeCommands {
    static let all: [Command] = [list, create, get, delete]

    private static let volume = Argument(
        "VOLUME", summary: "the ID or the name of the volume", values: .listed(CompletionCommands.volumes))

    static let list = Command(
        "volume", "list", summary: "List the volumes, newest first.",
        examples: ["podstack volume list", "podstack volume list --project training -o json"], isPaged: true
    ) { invocation in
        var writer = ListWriter<Volume>(
            invocation, ifEmpty: "No volumes", header: ["ID", "NAME", "PODS", "CREATED", "PROJECT"],
            row: { volume in
                [
                    volume.id, volume.name, String(volume.podIDs.count), invocation.displayed(volume.createdAt),
                    volume.projectID,
                ]
            })
        try await writer.writeAll(of: try invocation.client().volumes.list(), limit: nil)
        return .success
    }

    static let create = Command(
        "volume", "create", summary: "Create an empty volume and print its ID.",
        arguments: [Argument("NAME", summary: "the name of the volume, which is unique in the project")],
        examples: ["podstack volume create datasets"]
    ) { invocation in
        let volume = try await invocation.client().volumes.create(name: invocation.arguments.positional[0])
        try invocation.write(volume) { TerminalText.printable(volume.id) }
        return .success
    }

    static let get = Command(
        "volume", "get", summary: "Show a volume and the pods that mount it.", arguments: [volume],
        examples: ["podstack volume get datasets"]
    ) { invocation in
        let client = try invocation.client()
        let id = try await invocation.volumeID(of: invocation.arguments.positional[0], client)
        let volume = try await client.volumes.get(id)
        try invocation.write(volume) {
            Details.text([
                ("ID", volume.id), ("Name", volume.name), ("Project", volume.projectID),
                ("Created", invocation.displayed(volume.createdAt)),
                ("Created by", volume.createdBy.email ?? volume.createdBy.userID),
                ("Pods", volume.podIDs.isEmpty ? "none" : volume.podIDs.joined(separator: ", ")),
            ])
        }
        return .success
    }

    static let delete = Command(
        "volume", "delete", summary: "Delete a volume that no pod mounts, and everything on it.", arguments: [volume],
        examples: ["podstack volume delete datasets", "podstack volume delete datasets --yes"]
    ) { invocation in
        let text = invocation.arguments.positional[0]
        let client = try invocation.client()
        let id = try await invocation.volumeID(of: text, client)
        let name = id == text ? id : "\"\(text)\" (\(id))"
        try invocation.confirm(TerminalText.printable("Delete the volume \(name) and everything on it?"))
        try await client.volumes.delete(id)
        invocation.inform(TerminalText.printable("Deleted \(id)"))
        return .success
    }
}
