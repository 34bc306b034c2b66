import PodstackAPI

/// The period that the page `/usage` displays.
struct UsagePeriod {
    /// A period that a viewer chooses.
    enum Choice: String, CaseIterable {
        case thisMonth = "month"
        case lastMonth = "last-month"
        case sevenDays = "7"
        case thirtyDays = "30"
        case custom

        var title: String {
            switch self {
            case .thisMonth: "This month"
            case .lastMonth: "Last month"
            case .sevenDays: "Last 7 days"
            case .thirtyDays: "Last 30 days"
            case .custom: "Custom dates"
            }
        }
    }

    /// The most days of a report.
    private static let maximumDays = 400

    let choice: Choice
    /// The dates as they were typed.
    let typedFrom: String
    let typedTo: String
    /// The problems of the form; empty if there are none.
    let problems: FieldProblems
    /// The first day, and the last one, which is part of the period.
    let first: CivilDate
    let last: CivilDate

    /// The bounds in milliseconds since 1970; the period ends before `end`.
    var begin: Int64 { first.secondsSince1970 * 1000 }
    var end: Int64 { (last.secondsSince1970 + 86_400) * 1000 }

    /// The days of the period, in order.
    var days: [String] {
        (first.daysSince1970...last.daysSince1970).map { CivilDate(daysSince1970: $0).description }
    }

    /// Reads the query of a request; the default is this month.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - known: The names of further parameters.
    ///   - now: Seconds since 1970.
    /// - Throws: ``DomainError/invalid(_:)`` for values that the form does not have.
    init(_ request: Request, known: [String] = [], now: Int64) throws {
        // Browsers also send the fields that are empty.
        var request = request
        request.query.removeAll { $0.value.isEmpty }
        var reader = QueryReader(request, known: ["period", "from", "to"] + known)
        let chosen = reader.take("period") { text throws(InvalidValue) in
            guard let choice = Choice(rawValue: text) else {
                throw InvalidValue("must be \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            return choice
        }
        try reader.finish()
        typedFrom = request.query("from") ?? ""
        typedTo = request.query("to") ?? ""
        choice = chosen ?? .thisMonth
        let today = CivilDate(daysSince1970: Int(now / 86_400))
        var problems = FieldProblems()
        switch choice {
        case .thisMonth: (first, last) = (Self.firstOfMonth(today), today)
        case .lastMonth:
            last = Self.day(before: Self.firstOfMonth(today))
            first = Self.firstOfMonth(last)
        case .sevenDays: (first, last) = (CivilDate(daysSince1970: today.daysSince1970 - 6), today)
        case .thirtyDays: (first, last) = (CivilDate(daysSince1970: today.daysSince1970 - 29), today)
        case .custom:
            let (from, to) = (CivilDate(typedFrom), typedTo.isEmpty ? today : CivilDate(typedTo))
            let form = "must be a date such as 2027-01-31"
            if from == nil { problems.add(typedFrom.isEmpty ? "enter a date" : form, to: "from") }
            if to == nil { problems.add(form, to: "to") }
            if let from, let to {
                if from.secondsSince1970 < 0 { problems.add("must not be before 1970", to: "from") }
                if to.daysSince1970 < from.daysSince1970 { problems.add("must not be before the first day", to: "to") }
                if to.daysSince1970 - from.daysSince1970 >= Self.maximumDays {
                    problems.add("must be less than \(Self.maximumDays) days after the first day", to: "to")
                }
            }
            (first, last) = problems.isEmpty ? (from ?? today, to ?? today) : (today, today)
        }
        self.problems = problems
    }

    private static func firstOfMonth(_ date: CivilDate) -> CivilDate {
        CivilDate(daysSince1970: date.daysSince1970 - date.day + 1)
    }

    private static func day(before date: CivilDate) -> CivilDate { CivilDate(daysSince1970: date.daysSince1970 - 1) }

    /// The query of the links to the same period.
    var query: [(name: String, value: String)] {
        [("period", choice.rawValue)] + (choice == .custom ? [("from", typedFrom), ("to", typedTo)] : [])
    }
}
