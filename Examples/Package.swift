// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that the examples are built as an outsider's program is. `swift test` runs the tests of one.
let package = Package(
    name: "Examples",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "podstack-swift", path: "..")],
    targets: [
        .executableTarget(
            name: "VerifyAuthentication",
            dependencies: [.product(name: "Podstack", package: "podstack-swift")]
        ),
        // A small tool with its logic in a library, so that tests can call it.
        .target(name: "UnusedTokens", dependencies: [.product(name: "Podstack", package: "podstack-swift")]),
        .executableTarget(
            name: "UnusedTokensTool",
            dependencies: ["UnusedTokens", .product(name: "Podstack", package: "podstack-swift")]),
        .testTarget(
            name: "UnusedTokensTests",
            dependencies: [
                "UnusedTokens", .product(name: "Podstack", package: "podstack-swift"),
                .product(name: "PodstackTesting", package: "podstack-swift"),
            ]),
    ]
)
