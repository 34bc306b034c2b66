
// scripts/fuzz creates Fuzz/Package.swift from the main manifest and this text. It is a package of its own over the same
// targets, because the sanitizers' flags must not reach the users of the main package.
package.targets.append(
    .executableTarget(
        name: "podstack-fuzz", dependencies: ["Podstack", "PodstackAPI", "PodstackServer", "PodstackTransport", "CCurl"],
        path: "Fuzzer", swiftSettings: strict))
