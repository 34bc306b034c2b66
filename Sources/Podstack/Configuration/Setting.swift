extension ClientConfiguration {
    /// A resolved setting: its value, where it came from, and which other sources it hides.
    public struct Setting<Value: Sendable & Hashable>: Sendable, Hashable {
        public var value: Value
        public var source: Source
        /// Sources of lower precedence that hold a value too, in their order.
        public var shadows: [Shadow]

        init(_ value: Value, _ source: ClientConfiguration.Source, shadows: [ClientConfiguration.Source] = []) {
            self.value = value
            self.source = source
            self.shadows = shadows.map { Shadow(source: $0, winner: source) }
        }
    }

    /// A source whose value is not used, and why.
    public struct Shadow: Sendable, Hashable {
        public var source: Source
        /// As in "what the program passes comes first".
        public var reason: String

        init(source: ClientConfiguration.Source, winner: ClientConfiguration.Source) {
            self.source = source
            reason =
                switch (winner, source) {
                case (.argument, _): "what the program passes comes first"
                case (.profile(let name, _, _), .process(let other, _, _)) where name == other:
                    "a token that is written down comes before a command"
                case (.profile, .profile), (.profile, .process), (.process, .profile), (.process, .process):
                    "the program names another profile"
                case (.profile, _), (.process, _): "a profile that the program names comes before the environment"
                case (.environment, .file), (.dotEnv, .file): "a token comes before the name of a file that holds one"
                default: "the environment comes before a profile that the program does not name"
                }
        }
    }
}
