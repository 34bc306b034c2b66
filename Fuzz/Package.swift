// swift-tools-version: 6.2
import PackageDescription

// A package of its own, over the same sources: the sanitizers' flags must not reach who depends on the main one.
// `Product` is a link to its `Sources`. Built and started by scripts/fuzz.

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
]

func product(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "Product/\(name)", swiftSettings: strict)
}

let package = Package(
    name: "podstack-fuzz",
    targets: [
        .systemLibrary(name: "CCurl", path: "Product/CCurl", pkgConfig: "libcurl"),
        .systemLibrary(name: "CGnuTLS", path: "Product/CGnuTLS", pkgConfig: "gnutls"),
        .systemLibrary(name: "CMicrohttpd", path: "Product/CMicrohttpd", pkgConfig: "libmicrohttpd"),
        .systemLibrary(name: "CPosix", path: "Product/CPosix"),
        .systemLibrary(name: "CPostgres", path: "Product/CPostgres", pkgConfig: "libpq"),
        .systemLibrary(name: "CSQLite", path: "Product/CSQLite", pkgConfig: "sqlite3"),
        .systemLibrary(name: "CSodium", path: "Product/CSodium", pkgConfig: "libsodium"),
        product("PodstackAPI"),
        product("PodstackCryptography", ["CSodium"]),
        product("Podstack", ["PodstackAPI", "PodstackCryptography", "CCurl", "CPosix"]),
        product("PodstackServer", ["PodstackAPI", "PodstackCryptography", "CGnuTLS", "CMicrohttpd", "CPostgres", "CSQLite"]),
        .executableTarget(
            name: "podstack-fuzz", dependencies: ["Podstack", "PodstackAPI", "PodstackServer", "CCurl"],
            path: "Fuzzer", swiftSettings: strict),
    ]
)
