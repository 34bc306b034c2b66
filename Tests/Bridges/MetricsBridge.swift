// snippet
import Metrics
import Podstack

struct MetricsBridge: ClientMetrics {
    func count(_ name: String, _ dimensions: [(String, String)]) {
        Counter(label: name, dimensions: dimensions).increment()
    }
    func record(_ duration: Duration, _ name: String, _ dimensions: [(String, String)]) {
        Timer(label: name, dimensions: dimensions).recordNanoseconds(Int64(duration / .nanoseconds(1)))
    }
}
// end
