/// The version of this package: of the SDK, of `podstack` and of `podstack-server`.
public enum PodstackVersion {
    /// The version as `MAJOR.MINOR.PATCH` (Semantic Versioning 2.0.0).
    public static let current = "0.2.0"
}
