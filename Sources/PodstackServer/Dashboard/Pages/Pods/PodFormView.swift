import PodstackAPI

/// The form for a new pod.
struct PodFormView: Component {
    let form: PodForm
    let problems: FieldProblems
    /// The projects in which the viewer may create pods.
    let projects: [ProjectRecord]
    let offer: PodOffer
    let exchange: PageExchange

    var body: some HTML {
        FormCard(Link("/pods"), exchange) {
            VoidElement("input", .type("hidden"), .name("id"), .value(form.nonce))
            Field(
                "Name", name: "name", value: form.name,
                hint: "Lowercase letters, digits and hyphens; unique in the project.", problem: problems["name"],
                .type("text"), .autocomplete("off"), .autocapitalize("none"), .spellcheck(false), .flag("required"),
                .maxLength(63))
            Field(
                "Image", name: "image", value: form.image, hint: "Such as ubuntu:24.04 or pytorch/pytorch:latest.",
                problem: problems["image"], .type("text"), .autocomplete("off"), .autocapitalize("none"),
                .spellcheck(false), .flag("required"))
            SelectField(
                "Project", name: "project_id", value: form.projectID, projects.map { ($0.id, $0.name) },
                problem: problems["project_id"])
            ResourceFields(form: form, problems: problems, offer: offer)
            ProgramFields(form: form, problems: problems)
            LimitFields(form: form, problems: problems)
            PriceSummary(form: form, offer: offer)
            Element("p", .class("buttons")) {
                Button("Create pod")
                LinkButton("Cancel", .quiet, to: Link("/pods"))
            }
            Element("p", .class("hint")) {
                "Volumes, labels, private registries and a token for the pod are set with the command line: "
                Element("code") { "podstack pod create --help" }
            }
        }
    }
}

private struct ResourceFields: Component {
    let form: PodForm
    let problems: FieldProblems
    let offer: PodOffer

    var body: some HTML {
        if !offer.gpus.isEmpty {
            Element("div", .class("row")) {
                SelectField(
                    "GPU", name: "gpu_type", value: form.gpuType, [("", "No GPU")] + offer.gpus.map(option),
                    problem: problems["gpu_type"])
                Field(
                    "Number of GPUs", name: "gpu_count", value: form.gpuCount, problem: problems["gpu_count"],
                    .type("number"), .min("1"), .max(String(PodRequest.maxGPUs)))
            }
        }
        Element("div", .class("row")) {
            Field(
                "CPU cores", name: "cpu", value: form.cpu, problem: problems["cpu"], .type("number"), .min("0.1"),
                .step("any"))
            Field(
                "Memory in GiB", name: "memory", value: form.memory, problem: problems["memory"], .type("number"),
                .min("1"))
            Field("Disk in GiB", name: "disk", value: form.disk, problem: problems["disk"], .type("number"), .min("1"))
        }
    }

    private func option(_ gpu: PodOffer.GPU) -> SelectField.Option {
        let memory = gpu.type.memoryGigabytes.map { ", \($0) GB" } ?? ""
        let free = gpu.free == 0 ? "none free" : "\(gpu.free) of \(gpu.type.devices.count) free"
        let price = Amount(millionths: gpu.type.pricePerHour)
        return (gpu.type.name, "\(gpu.type.name)\(memory): \(free), \(price) an hour")
    }
}

private struct ProgramFields: Component {
    let form: PodForm
    let problems: FieldProblems

    var body: some HTML {
        TextArea(
            "Command", name: "command", value: form.command,
            hint: "Runs in /bin/sh. Leave empty to use the image’s command.",
            problem: problems["command"], .rows(2), .spellcheck(false))
        Field(
            "Ports", name: "ports", value: form.ports, hint: "The ports to publish, such as 8080, 8888.",
            problem: problems["ports"], .type("text"), .autocomplete("off"))
        TextArea(
            "Environment variables", name: "env", value: form.environment,
            hint: "One NAME=value per line. Values are encrypted and never displayed again.",
            problem: problems["env"], .rows(3), .spellcheck(false), .autocomplete("off"))
    }
}

private struct LimitFields: Component {
    let form: PodForm
    let problems: FieldProblems

    var body: some HTML {
        Element("fieldset") {
            Element("legend") { "Limits" }
            Element("p", .class("hint")) { "A pod without limits runs, and costs, until you stop it." }
            DurationField(
                label: "Stop after", name: "stop_after", duration: form.stopAfter, problem: problems["stop_after"])
            DurationField(
                label: "Delete after", name: "delete_after", duration: form.deleteAfter,
                problem: problems["delete_after"])
            Field(
                "Stop when it has cost", name: "max_cost", value: form.maxCost, problem: problems["max_cost"],
                .type("number"), .min("0"), .step("any"))
        }
    }
}

private struct DurationField: Component {
    let label: String
    let name: String
    let duration: PodForm.Duration
    let problem: String?

    var body: some HTML {
        Element("div", .class("row duration")) {
            Field(label, name: name, value: duration.number, problem: problem, .type("number"), .min("1"))
            Element("div", .class("field")) {
                Element("label", .for("\(name)_unit")) {
                    Element("span", .class("visually-hidden")) { "\(label): " }
                    "Unit"
                }
                Element("select", .id("\(name)_unit"), .name("\(name)_unit")) {
                    for unit in PodForm.Unit.allCases {
                        Element("option", .value(unit.rawValue), .flag("selected", if: unit == duration.unit)) {
                            unit.rawValue
                        }
                    }
                }
            }
        }
    }
}

/// The price of an hour of the pod, which the script updates while the form is filled in.
private struct PriceSummary: Component {
    let form: PodForm
    let offer: PodOffer

    var body: some HTML {
        let gpus = offer.gpus.map { "\($0.type.name)=\($0.type.pricePerHour)" }.joined(separator: " ")
        Element(
            "p", .class("summary"), .id("pod-price"), .role("status"), .data("data-gpus", gpus),
            .data("data-cpu", price(.cpu)), .data("data-memory", price(.memory)), .data("data-disk", price(.disk))
        ) {
            "An hour of this pod costs "
            Element("strong") { offer.pricePerHour(of: form)?.description ?? "–" }
            "."
        }
        Element("noscript") {
            Element("p", .class("hint")) {
                "This is the price of the values above as they were when the page was loaded. An hour of a core costs "
                "\(Amount(millionths: offer.prices[.cpu] ?? 0)), of a GiB of memory "
                "\(Amount(millionths: offer.prices[.memory] ?? 0)) and of a GiB of disk "
                "\(Amount(millionths: offer.prices[.disk] ?? 0))."
            }
        }
    }

    private func price(_ resource: PricedResource) -> String { String(offer.prices[resource] ?? 0) }
}
