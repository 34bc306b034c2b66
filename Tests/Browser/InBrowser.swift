import Foundation
import PodstackTestSupport
import Testing

/// Every test that needs a browser is in here, for what they have in common.
@Suite(
    "In a browser", .fewAtOnce, .blocking,
    .disabled(
        if: ProcessInfo.processInfo.environment["TSAN_OPTIONS"] != nil,
        "the thread sanitizer sees nothing of the browser, and makes these tests very slow"), .timeLimit(.perTest))
enum InBrowser {}
