extension ServerCommand {
    static let pepperRotate = ServerCommand(
        words: ["pepper", "rotate"],
        summary: "Replace the pepper. Every token stays good, and moves to the new one when it is next used.",
        run: PepperCommand.rotate)

    static let pepperStatus = ServerCommand(
        words: ["pepper", "status"], summary: "What still needs the pepper before.", run: PepperCommand.status)
}

private enum PepperCommand {
    static func rotate(_ flags: Flags) throws {
        let (rotation, now) = try open(flags)
        // A server that runs would go on with the pepper that it has read.
        if try flags.database() == nil { try rotation.directory.lockForServing() }
        try rotation.run(now: now)
        let previous = rotation.directory.previousPepperPath
        StandardStream.output.write("the pepper is a new one; every token stays good\n")
        StandardStream.error.write(
            "note: keep \(previous) until podstack-server pepper status says that nothing needs it, and a copy of both\n"
        )
    }

    static func status(_ flags: Flags) throws {
        let (rotation, now) = try open(flags)
        let needs = try rotation.needs(now: now)
        guard !needs.isEmpty else {
            StandardStream.output.write("nothing needs an older pepper\n")
            return
        }
        StandardStream.output.write("\(rotation.directory.previousPepperPath) is needed by\n")
        for need in needs { StandardStream.output.write("  \(need)\n") }
    }

    private static func open(_ flags: Flags) throws -> (PepperRotation, now: Int64) {
        let url = try flags.database()
        let directory = try url == nil ? flags.existingDataDirectory() : flags.dataDirectory()
        let service = try Service(directory: directory, database: url)
        return (PepperRotation(directory: directory, database: service.database), service.now())
    }
}
