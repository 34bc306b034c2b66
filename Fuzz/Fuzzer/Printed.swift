@testable import Podstack

/// Returns an error in every form in which a program may print it.
enum Printed {
    static func forms(of error: any PodstackError) -> [String] {
        var dumped = ""
        dump(error, to: &dumped)
        return [
            "\(error)", String(reflecting: error), dumped, error.message, error.hint ?? "",
            error.code?.rawValue ?? "", error.requestID ?? "", "\(error.details)",
            (error as? ValidationError).map { "\($0.fieldErrors)" } ?? "",
        ]
    }

    /// Returns whether a terminal displays a text as one line.
    static func isOneLine(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy {
            ![.control, .lineSeparator, .paragraphSeparator, .format].contains($0.properties.generalCategory)
        }
    }
}
