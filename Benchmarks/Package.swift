// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "Benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "podstack-swift", path: "..")],
    targets: [
        .executableTarget(
            name: "SDKLoad",
            dependencies: [.product(name: "Podstack", package: "podstack-swift")]
        ),
        .executableTarget(
            name: "SettingsLoad",
            dependencies: [.product(name: "Podstack", package: "podstack-swift")]
        ),
        .executableTarget(
            name: "InFlight",
            dependencies: [.product(name: "Podstack", package: "podstack-swift")]
        ),
        .executableTarget(
            name: "URLSessionLoad",
            dependencies: [.product(name: "Podstack", package: "podstack-swift")]
        ),
    ]
)
