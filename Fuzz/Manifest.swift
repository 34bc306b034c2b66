
// What scripts/fuzz appends to the main manifest, and so makes Fuzz/Package.swift of: a package of its own over the same
// targets, since the sanitizers' flags must not reach who depends on the main one.
package.targets.append(
    .executableTarget(
        name: "podstack-fuzz", dependencies: ["Podstack", "PodstackAPI", "PodstackServer", "CCurl"],
        path: "Fuzzer", swiftSettings: strict))
