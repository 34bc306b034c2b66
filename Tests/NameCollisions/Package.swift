// swift-tools-version: 6.2
import PackageDescription

// Programs that import Podstack next to modules with the public names of other frameworks; compiled by
// scripts/name-collisions. The frameworks themselves are not dependencies, so their names are declared here.
let package = Package(
    name: "NameCollisions",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "podstack-swift", path: "../..")],
    targets: [
        .target(name: "AppFramework"),
        .target(name: "ServerFramework"),
        .executableTarget(
            name: "AppProgram", dependencies: ["AppFramework", .product(name: "Podstack", package: "podstack-swift")]),
        .executableTarget(
            name: "ServerProgram",
            dependencies: ["ServerFramework", .product(name: "Podstack", package: "podstack-swift")]),
    ]
)
