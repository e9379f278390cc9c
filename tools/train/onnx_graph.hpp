// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_ONNX_GRAPH_HPP
#define SEMCORR_TRAIN_ONNX_GRAPH_HPP

#include <map>
#include <set>
#include <string>
#include <vector>

#include <torch/torch.h>

#include "opencv2/core.hpp"
#include "protobuf.hpp"

namespace train {

struct OnnxNode
{
    typedef std::map<std::string, std::vector<int64_t> > Attributes;

    // Those that are integers; throws where there are others than `known`
    Attributes attributes(const std::set<std::string>& known) const;

    std::string type;
    std::vector<std::string> inputs, outputs;
    std::string message;  // its bytes in the file
};

// The graph of an ONNX net with one input
class OnnxGraph
{
public:
    explicit OnnxGraph(const std::vector<uchar>& onnx);

    const std::string& input() const { return inputName; }

    // What `tensor` is computed by, in order, without what depends on constants only
    std::vector<OnnxNode> nodesBefore(const std::string& tensor) const;

    // A constant is an initialiser, or what a Cast makes of one.
    bool isConstant(const std::string& name) const { return sources.count(name) > 0; }
    const std::vector<int64_t>& shape(const std::string& constant) const { return initializer(constant).shape; }
    torch::Tensor values(const std::string& constant) const;  // kFloat, a copy

    // The net up to a tensor, without outputs
    std::vector<uchar> upTo(const std::string& tensor) const;

    // The net with other values for some constants, in the precision in which they are stored, and all else as it is
    std::vector<uchar> withValues(const std::map<std::string, torch::Tensor>& constants) const;

private:
    struct Initializer
    {
        std::vector<int64_t> shape;
        int type = 0;
        std::string bytes;
    };

    void readNode(const std::string& message);
    void readInitializer(const std::string& message);
    const Initializer& initializer(const std::string& constant) const { return initializers.at(sources.at(constant)); }
    std::set<std::string> neededFor(const std::string& tensor) const;
    std::vector<uchar> withGraph(const std::vector<ProtobufField>& graph) const;

    const std::vector<ProtobufField> model, fields;  // of the file, of its graph
    std::vector<OnnxNode> nodes;
    std::map<std::string, Initializer> initializers;
    std::map<std::string, std::string> sources;      // constant: name of the initialiser
    std::string inputName;
};

}

#endif
