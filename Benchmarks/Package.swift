// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that nothing needed for measuring reaches the product, and measuring the pure targets builds
// nothing else. Their folders here are links to the product's sources.
let package = Package(
  name: "benchmarks",
  targets: [
    .target(name: "ClientHello"),
    .target(name: "HyperModel"),
    .target(name: "Announcements", dependencies: ["HyperModel"]),
    .executableTarget(name: "pure", dependencies: ["Announcements", "ClientHello", "HyperModel"]),
  ]
)
