// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "last_blocks.hpp"

#include <algorithm>
#include <limits>

#include "tensors.hpp"
#include "utf8.hpp"

using cv::semcorr::printable;
using torch::Tensor;

namespace train {

[[noreturn]] static void refuse(const OnnxNode& node, const std::string& what)
{
    CV_Error(cv::Error::StsNotImplemented, cv::format("--fine-tune: node \"%s\" (%s) %s", printable(node.outputs[0]).c_str(),
                                                      printable(node.type).c_str(), what.c_str()));
}

LastBlocksImpl::LastBlocksImpl(const OnnxGraph& graph, const std::string& cut_, const std::string& output_)
    : cut(cut_), output(output_)
{
    std::set<std::string> frozen;  // what the nodes before the cut take and give
    for (const OnnxNode& node : graph.nodesBefore(cut))
    {
        frozen.insert(node.inputs.begin(), node.inputs.end());
        frozen.insert(node.outputs.begin(), node.outputs.end());
    }
    for (const OnnxNode& node : graph.nodesBefore(output))
        if (!frozen.count(node.outputs[0]))
            operations.push_back(read(graph, node));
    for (const auto& t : trained)
        if (frozen.count(t.first))
            CV_Error(cv::Error::StsNotImplemented, "--fine-tune: constant \"" + printable(t.first) + "\" serves blocks that are "
                                                   "trained and others, expected one for each");
}

// A trained copy of a constant; one for all that use it
Tensor LastBlocksImpl::parameter(const OnnxGraph& graph, const std::string& constant)
{
    if (!trained.count(constant))
        trained[constant] = register_parameter("constant" + std::to_string(trained.size()), graph.values(constant));
    return trained[constant];
}

LastBlocksImpl::Operation LastBlocksImpl::read(const OnnxGraph& graph, const OnnxNode& node)
{
    Operation o;
    o.type = node.type;
    o.output = node.outputs[0];
    std::vector<std::string> constants;
    for (const std::string& input : node.inputs)
        (graph.isConstant(input) || input.empty() ? constants : o.inputs).push_back(input);
    const size_t expected = node.type == "Add" ? 2 : 1;
    if (node.type == "Conv" && !constants.empty())
    {
        o.weight = parameter(graph, constants[0]);
        o.bias = constants.size() > 1 ? parameter(graph, constants[1]) : Tensor();
        if (o.weight.dim() != 4)
            refuse(node, cv::format("works in %d dimensions, expected 2", (int)o.weight.dim() - 2));
        readWindow(o, node);
    }
    else if (node.type == "MaxPool")
        readWindow(o, node);
    else if (node.type == "Clip" && node.inputs.size() == 3)
    {
        const double infinity = std::numeric_limits<double>::infinity();
        const auto bound = [&](int i, double none)
        { return node.inputs[i].empty() ? none : graph.values(node.inputs[i]).item<double>(); };
        o.low = bound(1, -infinity);
        o.high = bound(2, infinity);
    }
    else if (node.type != "Add" && node.type != "Relu")
        refuse(node, "cannot be trained, expected Add, Clip with two bounds as inputs, Conv with constant weights, MaxPool or "
                     "Relu");
    if (o.inputs.size() != expected || node.outputs.size() != 1)
        refuse(node, cv::format("has %d inputs that are not constant and %d outputs, expected %d and 1", (int)o.inputs.size(),
                                (int)node.outputs.size(), (int)expected));
    return o;
}

// Of Conv and MaxPool
void LastBlocksImpl::readWindow(Operation& o, const OnnxNode& node) const
{
    OnnxNode::Attributes given = node.attributes({ "kernel_shape", "strides", "dilations", "pads", "group", "ceil_mode" });
    const auto get = [&](const char* name, const std::vector<int64_t>& otherwise, int64_t least)
    {
        const std::vector<int64_t> values = given[name].empty() ? otherwise : given[name];
        if (values.size() != otherwise.size() || *std::min_element(values.begin(), values.end()) < least)
            refuse(node, cv::format("has a wrong attribute \"%s\", expected %d numbers, at least %d each", name,
                                    (int)otherwise.size(), (int)least));
        return values;
    };
    o.kernel = get("kernel_shape", o.weight.defined() ? o.weight.sizes().slice(2).vec() : std::vector<int64_t>{ 1, 1 }, 1);
    o.strides = get("strides", { 1, 1 }, 1);
    o.dilations = get("dilations", { 1, 1 }, 1);
    o.pads = get("pads", { 0, 0, 0, 0 }, 0);
    o.group = get("group", { 1 }, 1)[0];
    if (get("ceil_mode", { 0 }, 0)[0])
        refuse(node, "has ceil_mode, expected none");
}

// inputs: n×C×h×w each
Tensor LastBlocksImpl::compute(const Operation& o, const std::vector<Tensor>& inputs)
{
    if (o.type == "Add")
        return inputs[0] + inputs[1];
    if (o.type == "Relu")
        return torch::relu(inputs[0]);
    if (o.type == "Clip")
        return torch::clamp(inputs[0], o.low, o.high);
    const torch::IntArrayRef before(o.pads.data(), 2), after(o.pads.data() + 2, 2);
    if (o.type == "Conv" && before == after)
        return torch::conv2d(inputs[0], o.weight, o.bias, o.strides, before, o.dilations, o.group);
    const double outside = o.type == "MaxPool" ? -std::numeric_limits<double>::infinity() : 0;
    const Tensor x = torch::constant_pad_nd(inputs[0], { o.pads[1], o.pads[3], o.pads[0], o.pads[2] }, outside);
    const std::vector<int64_t> padded = { 0, 0 };
    if (o.type == "MaxPool")
        return torch::max_pool2d(x, o.kernel, o.strides, padded, o.dilations);
    return torch::conv2d(x, o.weight, o.bias, o.strides, padded, o.dilations, o.group);
}

Tensor LastBlocksImpl::run(const Tensor& activations) const
{
    std::map<std::string, Tensor> values = { { cut, activations } };
    for (const Operation& o : operations)
    {
        std::vector<Tensor> inputs;
        for (const std::string& input : o.inputs)
            inputs.push_back(values.at(input));
        values[o.output] = compute(o, inputs);
    }
    return values.at(output);
}

// Pictures of equal size run together: padded to a common size, they would see their padding from the second layer on.
Tensor LastBlocksImpl::forward(const Tensor& activations, const std::vector<cv::Size>& sizes) const
{
    std::map<std::pair<int, int>, std::vector<int64_t> > alike;
    for (size_t i = 0; i < sizes.size(); i++)
        alike[{ sizes[i].height, sizes[i].width }].push_back((int64_t)i);
    const cv::Size whole = grid(cv::Size((int)activations.size(3), (int)activations.size(2)));
    std::vector<Tensor> parts(sizes.size());
    for (const auto& group : alike)
    {
        const Tensor which = torch::tensor(group.second, activations.options().dtype(torch::kLong));
        const Tensor inside = activations.narrow(2, 0, group.first.first).narrow(3, 0, group.first.second);
        const Tensor y = unitLength(run(inside.index_select(0, which)));
        const Tensor padded = torch::constant_pad_nd(y, { 0, whole.width - y.size(3), 0, whole.height - y.size(2) });
        for (size_t i = 0; i < group.second.size(); i++)
            parts[group.second[i]] = padded[(int64_t)i];
    }
    return torch::stack(parts);
}

cv::Size LastBlocksImpl::grid(const cv::Size& size) const
{
    std::map<std::string, cv::Size> sizes = { { cut, size } };
    for (const Operation& o : operations)
    {
        cv::Size& after = sizes[o.output] = sizes.at(o.inputs[0]);
        if (o.kernel.empty())
            continue;
        const auto count = [&](int64_t n, int i)
        { return (n + o.pads[i] + o.pads[i + 2] - o.dilations[i] * (o.kernel[i] - 1) - 1) / o.strides[i] + 1; };
        after = cv::Size((int)count(after.width, 1), (int)count(after.height, 0));
    }
    return sizes.at(output);
}

int64_t LastBlocksImpl::channels() const
{
    std::string name = cut;
    for (const Operation& o : operations)
    {
        if (std::find(o.inputs.begin(), o.inputs.end(), name) == o.inputs.end())
            continue;
        if (o.type == "Conv")
            return o.weight.size(1) * o.group;
        name = o.output;
    }
    return 0;
}

std::string LastBlocksImpl::description() const
{
    int64_t count = 0;
    for (const Tensor& p : parameters())
        count += p.numel();
    return cv::format("%lld values between \"%s\" and \"%s\"", (long long)count, printable(cut).c_str(),
                      printable(output).c_str());
}

std::vector<uchar> LastBlocksImpl::writeTo(const OnnxGraph& graph) const
{
    return graph.withValues(trained);
}

}
