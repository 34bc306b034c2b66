import Podstack

// Usage: SettingsLoad client|profile|dotenv COUNT [FILE]. Prints the median time in microseconds.
// client: Client() from the environment. profile: Client() from the credentials file that the environment names.
// dotenv: reading and parsing a .env file.
let words = CommandLine.arguments
guard words.count >= 3, let count = Int(words[2]) else {
    fatalError("usage: SettingsLoad client|profile|dotenv COUNT [FILE]")
}

func once() throws {
    switch words[1] {
    case "dotenv": _ = try DotEnv.read(words[3])
    default: _ = try Client()
    }
}

// Work that is done once per process, such as loading libraries, is not measured.
try once()
var times: [Double] = []
for _ in 0..<count {
    let start = ContinuousClock.now
    try once()
    times.append((ContinuousClock.now - start) / .microseconds(1))
}
times.sort()
print(times[times.count / 2])
