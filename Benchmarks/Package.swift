// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that nothing needed for measuring reaches the product, and measuring the pure targets and the
// relay builds nothing else. Their folders here are links to the product's sources.
let features: [SwiftSetting] = ["ExistentialAny", "MemberImportVisibility", "InternalImportsByDefault", "NonisolatedNonsendingByDefault"]
  .map { .enableUpcomingFeature($0) }

let package = Package(
  name: "benchmarks",
  targets: [
    .target(name: "ClientHello", swiftSettings: features),
    .target(name: "HyperModel", swiftSettings: features),
    .target(name: "Announcements", dependencies: ["HyperModel"], swiftSettings: features),
    .target(name: "Limits", swiftSettings: features),
    .target(name: "CLinux"),
    .target(name: "Relay", dependencies: ["CLinux", "ClientHello", "Limits"], swiftSettings: features),
    .executableTarget(name: "pure", dependencies: ["Announcements", "ClientHello", "HyperModel"]),
    .executableTarget(
      name: "edge", dependencies: ["ClientHello", "Limits", "Relay"], swiftSettings: features),
  ]
)
