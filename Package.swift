// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
]

/// The settings of targets that import no C library.
///
/// With one, the compiler attributes declarations of the system's headers, such as `sockaddr`, to whichever module it
/// loaded first, and then rejects them at random.
let strictImports = strict + [.enableUpcomingFeature("MemberImportVisibility")]

/// The settings of tests, which may rely on what the modules that they test import.
let tests: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
]

let package = Package(
    name: "podstack-swift",
    platforms: [.macOS(.v15), .iOS(.v18)],
    products: [
        .library(name: "Podstack", targets: ["Podstack"]),
        .library(name: "PodstackTesting", targets: ["PodstackTesting"]),
        .executable(name: "podstack", targets: ["podstack-cli"]),
        .executable(name: "podstack-keyring", targets: ["podstack-keyring"]),
        .executable(name: "podstack-server", targets: ["podstack-server"]),
        .library(name: "PodstackC", type: .static, targets: ["PodstackC"]),
    ],
    targets: [
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CGnuTLS", pkgConfig: "gnutls", providers: [.apt(["libgnutls28-dev"])]),
        // Types only: the library is loaded on demand.
        .systemLibrary(name: "CJq"),
        .systemLibrary(name: "CMicrohttpd", pkgConfig: "libmicrohttpd", providers: [.apt(["libmicrohttpd-dev"])]),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CPosix"),
        .systemLibrary(name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CSecret", providers: [.apt(["libsecret-1-dev"])]),
        .systemLibrary(name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
        .systemLibrary(name: "CUnistring", providers: [.apt(["libunistring-dev"])]),

        // Paths, arguments and variables as bytes, and waits: the part of the system that every program shares.
        .target(name: "PodstackSystem", swiftSettings: strictImports),
        .target(name: "PodstackAPI", swiftSettings: strictImports),
        // Apple platforms have CryptoKit.
        .target(
            name: "PodstackCryptography",
            dependencies: [.target(name: "CSodium", condition: .when(platforms: [.linux]))], swiftSettings: strict),
        // HTTP requests over libcurl. It knows neither tokens nor the API.
        .target(
            name: "PodstackTransport",
            dependencies: [
                "PodstackSystem",
                .target(name: "CCurl", condition: .when(platforms: [.linux])),
                .target(name: "CPosix", condition: .when(platforms: [.linux])),
            ],
            swiftSettings: strict),
        // The SDK's transport on Apple platforms. On Linux it would link all of Foundation, so only tests use it there.
        .target(name: "PodstackURLSession", dependencies: ["PodstackTransport"], swiftSettings: strictImports),
        .target(
            name: "Podstack",
            dependencies: [
                "PodstackAPI", "PodstackCryptography", "PodstackSystem", "PodstackTransport",
                .target(name: "CPosix", condition: .when(platforms: [.linux])),
                .target(name: "PodstackURLSession", condition: .when(platforms: [.macOS, .iOS])),
            ],
            swiftSettings: strict
        ),
        .target(name: "PodstackTesting", dependencies: ["Podstack"], swiftSettings: strictImports),
        // The command lines of both programs: knows neither the SDK nor the service.
        .target(name: "PodstackCommandLine", dependencies: ["PodstackSystem"], swiftSettings: strictImports),
        .target(
            name: "PodstackCLI",
            dependencies: [
                "CJq", "PodstackCommandLine", "Podstack", "PodstackAPI", "PodstackCryptography", "PodstackSystem",
            ],
            swiftSettings: strictImports),
        // Not named `podstack`: on a file system that ignores case, that would be the folder of the SDK.
        .executableTarget(
            name: "podstack-cli", dependencies: ["PodstackCLI", "PodstackCommandLine", "PodstackSystem"],
            swiftSettings: strictImports),
        // The only program that links libsecret and GLib, so that `podstack` does not load them.
        .executableTarget(
            name: "podstack-keyring",
            dependencies: ["PodstackSystem", .target(name: "CSecret", condition: .when(platforms: [.linux]))],
            swiftSettings: strict),
        .target(
            name: "PodstackServer",
            dependencies: [
                "PodstackAPI", "PodstackCommandLine", "PodstackCryptography", "PodstackSystem", "PodstackTransport",
                "CGnuTLS", "CMicrohttpd",
                "CPostgres", "CPosix", "CSQLite", "CUnistring",
            ],
            resources: [
                .embedInCode("Dashboard/Assets/dashboard.css"), .embedInCode("Dashboard/Assets/dashboard.js"),
                .embedInCode("Dashboard/Assets/icon.svg"),
            ],
            swiftSettings: strict
        ),
        .executableTarget(
            name: "podstack-server", dependencies: ["PodstackServer", "PodstackCommandLine", "PodstackSystem"],
            swiftSettings: strictImports),
        // A test target, so that only builds with tests need the module Testing.
        .testTarget(
            name: "PodstackTestSupport",
            dependencies: ["Podstack", "PodstackServer", "PodstackAPI", "CPosix"],
            path: "Sources/PodstackTestSupport",
            swiftSettings: tests
        ),

        // The C interface. python/build/backend.py links it into the dynamic library that the Python package loads.
        .systemLibrary(name: "CPodstack"),
        .target(
            name: "PodstackC",
            dependencies: [
                "CPodstack", "CPosix", "Podstack", "PodstackAPI", "PodstackCLI", "PodstackCommandLine",
                "PodstackSystem", "PodstackTransport",
            ],
            exclude: ["podstack.h", "exports.map"], swiftSettings: strict),

        // The guide's snippets, compiled and run by the tests.
        .executableTarget(
            name: "GuideSnippets", dependencies: ["Podstack", "PodstackTesting"], path: "Tests/GuideSnippets",
            swiftSettings: tests),
        // What a test can only do to a program of its own.
        .executableTarget(
            name: "SlowLookup", dependencies: ["Podstack"], path: "Tests/SlowLookup", swiftSettings: tests),
        .testTarget(
            name: "PodstackAPITests", dependencies: ["PodstackAPI", "PodstackTestSupport"], swiftSettings: tests),
        .testTarget(
            name: "PodstackTests",
            dependencies: [
                "Podstack", "PodstackSystem", "PodstackTransport", "CPosix", "PodstackTesting", "PodstackTestSupport",
                "GuideSnippets", "SlowLookup",
            ],
            swiftSettings: tests),
        .testTarget(
            name: "TransportConformanceTests",
            dependencies: ["Podstack", "PodstackTransport", "PodstackURLSession", "PodstackTestSupport"],
            swiftSettings: tests
        ),
        .testTarget(
            name: "PodstackServerTests",
            dependencies: [
                "PodstackServer", "PodstackAPI", "PodstackCommandLine", "PodstackCryptography", "PodstackTestSupport",
                "PodstackSystem", "PodstackTransport", "Podstack", "podstack-server",
            ],
            swiftSettings: tests
        ),
        .testTarget(
            name: "PodstackCommandLineTests",
            dependencies: ["PodstackCommandLine", "PodstackSystem", "PodstackTestSupport"],
            swiftSettings: tests),
        .testTarget(
            name: "PodstackCLITests",
            dependencies: [
                "PodstackCLI", "PodstackCommandLine", "PodstackServer", "Podstack", "PodstackAPI", "PodstackSystem",
                "PodstackTesting", "PodstackTestSupport", "CPosix", "podstack-cli", "podstack-keyring",
                "podstack-server",
            ],
            swiftSettings: tests
        ),
        .testTarget(
            name: "BrowserTests",
            dependencies: [
                "PodstackServer", "PodstackAPI", "PodstackTestSupport", "podstack-server", "podstack-cli",
            ],
            path: "Tests/Browser", swiftSettings: tests),
    ]
)
