import Glibc

/// The empty file `<boot>.closed`: every admission of that start has its end on the disk, so no later start reads its segments.
enum ClosedMark {
    private static let suffix = ".closed"

    static func make(_ directory: String, boot: String) throws(MeterError) {
        _ = try SegmentFile(creating: "\(directory)/\(boot)\(suffix)")
        try SystemFault.syncFolder(directory)
    }

    /// Boots that have the mark.
    static func boots(_ directory: String) throws(MeterError) -> Set<String> {
        Set(try FolderListing.names(directory).filter { $0.hasSuffix(suffix) }.map { String($0.dropLast(suffix.count)) })
    }

    static func remove(_ directory: String, boot: String) {
        unlink("\(directory)/\(boot)\(suffix)")
    }
}
