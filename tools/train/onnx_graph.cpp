// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "onnx_graph.hpp"

#include <algorithm>

#include "onnx_format.hpp"
#include "utf8.hpp"

using cv::semcorr::printable;
using torch::Tensor;

namespace train {

OnnxNode::Attributes OnnxNode::attributes(const std::set<std::string>& known) const
{
    Attributes found;
    for (const ProtobufField& f : parseProtobuf(message, "a node of the net"))
    {
        if (f.number != NODE_ATTRIBUTE)
            continue;
        std::string name;
        std::vector<int64_t> values;
        for (const ProtobufField& a : parseProtobuf(f.content, "an attribute of the net"))
        {
            if (a.number == ATTRIBUTE_NAME)
                name = a.content;
            if (a.number == ATTRIBUTE_INT || a.number == ATTRIBUTE_INTS)
                values.push_back((int64_t)a.value);
        }
        if (!known.count(name))
            CV_Error(cv::Error::StsNotImplemented, cv::format("node \"%s\" (%s) has the attribute \"%s\", expected none of this "
                                                              "name in blocks that are trained", printable(outputs[0]).c_str(),
                                                              printable(type).c_str(), printable(name).c_str()));
        found[name] = values;
    }
    return found;
}

OnnxGraph::OnnxGraph(const std::vector<uchar>& onnx)
    : model(parseProtobuf(std::string(onnx.begin(), onnx.end()), "the backbone")),
      fields(parseProtobuf(graphOf(onnx), "the net's graph"))
{
    for (const ProtobufField& f : fields)
        if (f.number == GRAPH_INITIALIZER)
            readInitializer(f.content);
    int inputs = 0;
    for (const ProtobufField& f : fields)
    {
        if (f.number == GRAPH_NODE)
            readNode(f.content);
        if (f.number != GRAPH_INPUT || initializers.count(nameOf(f.content)))
            continue;
        inputName = nameOf(f.content);
        inputs++;
    }
    if (inputs != 1)
        CV_Error(cv::Error::StsBadArg, cv::format("the backbone has %d inputs, expected one", inputs));
}

void OnnxGraph::readNode(const std::string& message)
{
    OnnxNode node;
    node.message = message;
    for (const ProtobufField& f : parseProtobuf(message, "a node of the net"))
    {
        if (f.number == NODE_INPUT)
            node.inputs.push_back(f.content);
        if (f.number == NODE_OUTPUT)
            node.outputs.push_back(f.content);
        if (f.number == NODE_TYPE)
            node.type = f.content;
    }
    if (node.outputs.empty())
        CV_Error(cv::Error::StsParseError, "a node of the backbone has no output, expected an ONNX net");
    if (node.type == "Cast" && node.inputs.size() == 1 && initializers.count(node.inputs[0]))
        sources[node.outputs[0]] = node.inputs[0];
    nodes.push_back(node);
}

void OnnxGraph::readInitializer(const std::string& message)
{
    Initializer constant;
    std::string name;
    for (const ProtobufField& f : parseProtobuf(message, "an initializer of the net"))
    {
        if (f.number == TENSOR_DIMS)
            constant.shape.push_back((int64_t)f.value);
        if (f.number == TENSOR_TYPE)
            constant.type = (int)f.value;
        if (f.number == TENSOR_NAME)
            name = f.content;
        if (f.number == TENSOR_RAW || f.number == TENSOR_FLOATS)  // both little-endian
            constant.bytes = f.content;
    }
    initializers[name] = constant;
    sources[name] = name;
}

Tensor OnnxGraph::values(const std::string& constant) const
{
    const Initializer& c = initializer(constant);
    int64_t bytes = c.type == TENSOR_FLOAT ? 4 : c.type == TENSOR_HALF ? 2 : 0;
    for (const int64_t size : c.shape)
        bytes = size >= 0 && size <= INT_MAX && bytes <= INT_MAX ? bytes * size : -1;
    if (bytes <= 0 || (size_t)bytes != c.bytes.size())
        CV_Error(cv::Error::StsParseError, cv::format("constant \"%s\" of the backbone is of type %d and has %lld bytes, expected "
                                                      "type 1 (float) or 10 (half) and as many bytes as its shape needs",
                                                      printable(constant).c_str(), c.type, (long long)c.bytes.size()));
    const torch::ScalarType type = c.type == TENSOR_HALF ? torch::kHalf : torch::kFloat;
    return torch::from_blob(const_cast<char*>(c.bytes.data()), c.shape, type).to(torch::kFloat, false, true);
}

static bool makesOneOf(const OnnxNode& node, const std::set<std::string>& names)
{
    return std::any_of(node.outputs.begin(), node.outputs.end(), [&](const std::string& name) { return names.count(name) > 0; });
}

// Names of a tensor and of all that it depends on. Nodes are stored in an order in which they can be computed.
std::set<std::string> OnnxGraph::neededFor(const std::string& tensor) const
{
    std::set<std::string> needed = { tensor };
    for (auto node = nodes.rbegin(); node != nodes.rend(); ++node)
        if (makesOneOf(*node, needed))
            needed.insert(node->inputs.begin(), node->inputs.end());
    return needed;
}

std::vector<OnnxNode> OnnxGraph::nodesBefore(const std::string& tensor) const
{
    const std::set<std::string> needed = neededFor(tensor);
    std::vector<OnnxNode> before;
    for (const OnnxNode& node : nodes)
        if (makesOneOf(node, needed) && !isConstant(node.outputs[0]))
            before.push_back(node);
    return before;
}

std::vector<uchar> OnnxGraph::withGraph(const std::vector<ProtobufField>& graph) const
{
    std::vector<ProtobufField> changed;
    bool written = false;
    for (const ProtobufField& f : model)
    {
        if (f.number != MODEL_GRAPH)
            changed.push_back(f);
        else if (!written)
            changed.push_back(ProtobufField{ MODEL_GRAPH, true, 0, toMessage(graph) });
        written = written || f.number == MODEL_GRAPH;
    }
    const std::string bytes = toMessage(changed);
    return std::vector<uchar>(bytes.begin(), bytes.end());
}

std::vector<uchar> OnnxGraph::upTo(const std::string& tensor) const
{
    const std::set<std::string> needed = neededFor(tensor);
    std::vector<ProtobufField> graph;
    size_t node = 0;
    for (const ProtobufField& f : fields)
        if (f.number == GRAPH_NODE ? makesOneOf(nodes[node++], needed) : f.number != GRAPH_OUTPUT && f.number != GRAPH_VALUE)
            graph.push_back(f);
    return withGraph(graph);
}

std::vector<uchar> OnnxGraph::withValues(const std::map<std::string, Tensor>& constants) const
{
    std::map<std::string, Tensor> changed;  // by initialiser
    for (const auto& constant : constants)
        changed[sources.at(constant.first)] = constant.second;
    std::vector<ProtobufField> graph = fields;
    for (ProtobufField& f : graph)
    {
        if (f.number != GRAPH_INITIALIZER)
            continue;
        std::vector<ProtobufField> tensor = parseProtobuf(f.content, "an initializer of the net");
        const auto name = std::find_if(tensor.begin(), tensor.end(),
                                       [](const ProtobufField& t) { return t.number == TENSOR_NAME; });
        if (name == tensor.end() || !changed.count(name->content))
            continue;
        const bool half = initializers.at(name->content).type == TENSOR_HALF;
        const Tensor values = changed[name->content].detach().to(torch::kCPU, half ? torch::kHalf : torch::kFloat).contiguous();
        for (ProtobufField& t : tensor)
            if (t.number == TENSOR_RAW || t.number == TENSOR_FLOATS)
                t.content.assign(static_cast<const char*>(values.data_ptr()), values.nbytes());
        f.content = toMessage(tensor);
    }
    return withGraph(graph);
}

}
