import CPlatform
import FoundationEssentials
import Glibc

/// Keeps the agent small beside a model that wants all the memory there is.
enum MemoryCare {
    /// Gives back freed heap, and the pages of code that was needed once, at the start. Code that runs again is mapped again from the page cache.
    static func giveBack() {
        _ = cplatform_trim_allocator()
        // A host that hides its own maps keeps its pages.
        guard let maps = try? Data(contentsOf: URL(filePath: "/proc/self/maps")) else { return }
        for line in String(decoding: maps, as: UTF8.self).split(separator: "\n") {
            let fields = line.split(separator: " ", omittingEmptySubsequences: true)
            // Only code: it is never written to. Constants may lie beside relocations, which exist in memory alone.
            guard fields.count == 6, fields[1] == "r-xp", fields[5].hasPrefix("/") else { continue }
            let bounds = fields[0].split(separator: "-").compactMap { UInt(String($0), radix: 16) }
            guard bounds.count == 2, bounds[0] < bounds[1], let start = UnsafeMutableRawPointer(bitPattern: bounds[0]) else { continue }
            madvise(start, Int(bounds[1] - bounds[0]), MADV_DONTNEED)
        }
    }
}
