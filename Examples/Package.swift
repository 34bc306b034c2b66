// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that the examples are built as an outsider's program is.
let package = Package(
    name: "Examples",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "podstack-swift", path: "..")],
    targets: [
        .executableTarget(
            name: "VerifyAuthentication",
            dependencies: [.product(name: "Podstack", package: "podstack-swift")]
        )
    ]
)
