import PodstackAPI

/// A valid request to create a project, or to change one.
struct ProjectRequest: Sendable, Equatable {
    /// The name; nil to leave it as it is.
    private(set) var name: String?
    /// The description: `.some(nil)` removes it, nil leaves it as it is.
    private(set) var description: String??
    /// The most that the pods of the project may cost: `.some(nil)` removes the limit, nil leaves it as it is.
    private(set) var spendLimit: SpendLimit??

    /// The values of a request before they are validated; nil for a value that is missing.
    struct Values: Sendable {
        var name: String?
        /// `.some(nil)` and `.some("")` remove the description.
        var description: String??
        /// `.some(nil)` removes the limit.
        var spendLimit: SpendLimit??
    }

    /// Validates a request to create a project, which requires a name.
    ///
    /// - Parameters:
    ///   - values: The values of the request.
    ///   - problems: Problems of fields that were found when the values were read.
    /// - Throws: ``DomainError/invalid(_:)`` with the problems of all fields.
    init(creating values: Values, problems: FieldErrors = FieldErrors()) throws(DomainError) {
        var problems = problems
        if values.name == nil { problems.addMissing("name") }
        try self.init(changing: values, problems: problems)
    }

    /// Validates a request to change a project, in which no value is required.
    ///
    /// - Parameters:
    ///   - values: The values of the request.
    ///   - problems: Problems of fields that were found when the values were read.
    /// - Throws: ``DomainError/invalid(_:)`` with the problems of all fields.
    init(changing values: Values, problems: FieldErrors = FieldErrors()) throws(DomainError) {
        var problems = problems
        if let text = values.name {
            name = problems.collect("name") { () throws(InvalidValue) in try ResourceName.validate(text) }
        }
        if let text = values.description {
            description = problems.collect("description") { () throws(InvalidValue) in
                try ResourceName.validateDescription(text)
            }
        }
        spendLimit = values.spendLimit
        try problems.throwIfAny()
    }
}
