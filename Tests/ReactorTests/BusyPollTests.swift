import Glibc
import NIOCore
import NIOPosix
import Reactor
import Testing

/// A loop that asks and awaits answers, one after the other.
@Suite struct BusyPollTests {
    /// What the loop's thread took for it.
    private struct Use: Sendable {
        var sleeps: Int
        var milliseconds: Double
        var staysAwake = false
    }

    private static let exchanges = 64

    /// The answers come after `delay` milliseconds each.
    ///
    /// - Parameter ticks: Something else happens every millisecond.
    private func exchange(busyPoll: Int, delay: Int32, ticks: Bool = false) async throws -> Use {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let use = try await loop.flatSubmit {
            do {
                let pair = try SocketPair(on: loop)
                pair.near.reactor.setBusyPoll(microseconds: busyPoll)
                answer(pair.far, after: delay)
                let ticking = ticks ? loop.scheduleRepeatedTask(initialDelay: .zero, delay: .milliseconds(1)) { _ in } : nil
                let ended = askAll(pair, on: loop)
                ended.assumeIsolated().whenComplete { _ in
                    ticking?.cancel()
                    pair.near.close()
                }
                return ended
            } catch {
                return loop.makeFailedFuture(error)
            }
        }.get()
        try await group.shutdownGracefully()
        return use
    }

    private func answer(_ far: Int32, after delay: Int32) {
        let thread = NIOThreadPool(numberOfThreads: 1)
        thread.start()
        thread.submit { _ in
            var byte: UInt8 = 0
            while read(far, &byte, 1) == 1 {
                if delay > 0 { poll(nil, 0, delay) }
                write(far, &byte, 1)
            }
            close(far)
            thread.shutdownGracefully { _ in }
        }
    }

    private func askAll(_ pair: SocketPair, on loop: any EventLoop) -> EventLoopFuture<Use> {
        let ended = loop.makePromise(of: Use.self)
        let before = threadUse()
        var (left, asked) = (Self.exchanges, UInt64(0))
        let ask = {
            pair.near.write(ByteBuffer(string: "?"), isLast: true)
            asked = Reactor.expectAnswer()
        }
        pair.seen.onEvent = { event in
            guard event == "received" else { return }
            Reactor.answerCame(askedAt: asked)
            left -= 1
            if left > 0 { return ask() }
            let now = threadUse()
            ended.succeed(
                Use(
                    sleeps: now.sleeps - before.sleeps, milliseconds: now.milliseconds - before.milliseconds, staysAwake: Reactor.staysAwake))
        }
        ask()
        return ended.futureResult
    }

    private func threadUse() -> Use {
        var usage = rusage()
        // RUSAGE_THREAD, which the module does not tell of.
        getrusage(1, &usage)
        let seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
        let microseconds = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec
        let time = Double(seconds) * 1000 + Double(microseconds) / 1000
        return Use(sleeps: Int(usage.ru_nvcsw), milliseconds: time)
    }

    @Test func aLoopStaysAwakeForAnswersThatComeAtOnce() async throws {
        #expect(try await exchange(busyPoll: 1_000_000, delay: 0).sleeps < Self.exchanges / 4)
        #expect(try await exchange(busyPoll: 0, delay: 1).sleeps >= Self.exchanges / 2)
    }

    @Test func aLoopSleepsAsSoonAsAnswersTakeLonger() async throws {
        let (window, use) = (2.0, try await exchange(busyPoll: 2000, delay: 6))
        #expect(use.sleeps >= Self.exchanges / 2)
        // Awake for each it would be for all of them.
        #expect(use.milliseconds < window * Double(Self.exchanges) / 2)
    }

    /// As the next events of other streams do, which always come soon where there are many.
    @Test func whatElseHappensIsTakenForNoAnswer() async throws {
        #expect(try await !exchange(busyPoll: 2000, delay: 6, ticks: true).staysAwake)
        #expect(try await exchange(busyPoll: 1_000_000, delay: 0, ticks: true).staysAwake)
    }
}
