/// The version of the package, in one place for the SDK and the programs.
public enum SDKVersion {
    public static let current = "0.1.0"
    static let userAgent = "podstack-swift/\(current)"
}
