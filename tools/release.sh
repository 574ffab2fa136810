#!/usr/bin/env bash
# Makes dist/hyper-VERSION-linux-ARCH.tar.gz: hyper and proxy, stripped, with the Swift runtime linked in, and the documents.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
version=$(sed -n 's/^ *public static let text = "\(.*\)"$/\1/p' Sources/Operations/HyperVersion.swift)
[ -n "$version" ] || { echo "release: no version found in Sources/Operations/HyperVersion.swift" >&2; exit 1; }
name=hyper-$version-linux-$(uname -m)
# A scratch path of its own: other flags would make the next `make` build everything anew.
flags=(-c release --static-swift-stdlib --scratch-path .build/static)
for product in hyper proxy; do
  tools/step.sh "build $product (release, static runtime)" swift build "${flags[@]}" --product "$product"
done
rm -rf "dist/$name"
mkdir -p "dist/$name/bin"
from=$(swift build "${flags[@]}" --show-bin-path)
for product in hyper proxy; do strip -o "dist/$name/bin/$product" "$from/$product"; done
cp -r README.md CHANGELOG.md LICENSE docs "dist/$name/"
tar -C dist -czf "dist/$name.tar.gz" "$name"
echo "dist/$name.tar.gz: $(du -h "dist/$name.tar.gz" | cut -f1)"
