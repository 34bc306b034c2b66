extension Migrations {
    /// When the pepper was replaced: what was not used since then is still kept under the one before.
    static let pepperRotations = ["CREATE TABLE pepper_rotations (rotated_at BIGINT NOT NULL)"]
}
