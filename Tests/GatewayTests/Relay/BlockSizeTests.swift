import Testing

@testable import Gateway

/// glibc keeps lists of free blocks of up to 1,032 bytes; a larger one is cut from the free memory, and joined to it again, each time.
@Suite struct BlockSizeTests {
    private static let largestListed = 1_032
    /// Of the runtime's description of a class, where the size of its instances stands.
    private static let sizeOffset = 24

    @Test(
        "what is made for each request is of a size that the allocator keeps at hand",
        arguments: [RelayedRequest.self, KeptTrace.self, ArrivingRequest.self, RequestPlan.self, Attempt.self, Completion.self] as [AnyClass])
    func requestsFit(_ type: AnyClass) {
        let description = unsafeBitCast(type, to: UnsafeRawPointer.self)
        let size = description.load(fromByteOffset: Self.sizeOffset, as: UInt32.self)
        #expect((16...UInt32(Self.largestListed)).contains(size))
    }
}
