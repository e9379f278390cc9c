// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "onnx_cut.hpp"

#include <algorithm>

#include "utf8.hpp"

using cv::semcorr::printable;

namespace train {

// Places between nodes, i being in front of nodes[i], where all that follows depends on one tensor only; 0 is the net's input
static std::vector<int> findBottlenecks(const std::vector<OnnxNode>& nodes, const std::string& input)
{
    std::map<std::string, int> uses;  // that are still to come
    for (const OnnxNode& node : nodes)
        for (const std::string& name : node.inputs)
            uses[name]++;
    std::set<std::string> open = { input };
    std::vector<int> places = { 0 };
    for (int i = 1; i < (int)nodes.size(); i++)
    {
        for (const std::string& name : nodes[i - 1].inputs)
            if (--uses[name] == 0)
                open.erase(name);
        for (const std::string& name : nodes[i - 1].outputs)
            if (uses[name] > 0)
                open.insert(name);
        if (open.size() == 1 && open.count(nodes[i - 1].outputs[0]))
            places.push_back(i);
    }
    return places;
}

static bool isConvolution(const OnnxGraph& graph, const OnnxNode& node)
{
    return node.type == "Conv" && node.inputs.size() > 1 && graph.isConstant(node.inputs[1]) &&
           graph.shape(node.inputs[1]).size() == 4;
}

static bool isWide(const OnnxGraph& graph, const OnnxNode& node)
{
    return isConvolution(graph, node) && graph.shape(node.inputs[1])[2] * graph.shape(node.inputs[1])[3] > 1;
}

// Channels of the tensor at a place: those that the last convolution before it gave, as what else nets that can be trained hold
// leaves them alone
static int64_t channelsAt(const OnnxGraph& graph, const std::vector<OnnxNode>& nodes, int place)
{
    const int64_t ofPictures = 3;
    if (place == 0)
        return ofPictures;
    std::string name = nodes[place - 1].outputs[0];
    for (int i = place - 1; i >= 0; i--)
    {
        if (nodes[i].outputs[0] != name)
            continue;
        if (isConvolution(graph, nodes[i]))
            return graph.shape(nodes[i].inputs[1])[0];
        name = nodes[i].inputs.empty() ? std::string() : nodes[i].inputs[0];
    }
    return ofPictures;
}

std::string findCut(const OnnxGraph& graph, const std::string& output, int count)
{
    const std::vector<OnnxNode> nodes = graph.nodesBefore(output);
    const std::vector<int> places = findBottlenecks(nodes, graph.input());
    int found = 0, best = -1, end = (int)nodes.size();
    for (auto place = places.rbegin(); place != places.rend(); end = *place++)
    {
        const bool wide = std::any_of(nodes.begin() + *place, nodes.begin() + end,
                                      [&](const OnnxNode& node) { return isWide(graph, node); });
        if (wide && ++found > count)
            break;
        if (found == count && (best < 0 || channelsAt(graph, nodes, *place) < channelsAt(graph, nodes, best)))
            best = *place;
    }
    if (best < 0)
        CV_Error(cv::Error::StsOutOfRange, cv::format("--fine-tune=%d: expected at most %d, as there are not more blocks of "
                                                      "convolutions before the backbone's output \"%s\"", count, found,
                                                      printable(output).c_str()));
    return best ? nodes[best - 1].outputs[0] : graph.input();
}

}
