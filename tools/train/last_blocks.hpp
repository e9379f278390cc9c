// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_LAST_BLOCKS_HPP
#define SEMCORR_TRAIN_LAST_BLOCKS_HPP

#include <vector>

#include "onnx_graph.hpp"

namespace train {

// The part of a backbone that is trained: what lies between a tensor of its ONNX net and an output. The weights and biases of its
// convolutions are the parameters; batch norms are folded into them.
class LastBlocksImpl : public torch::nn::Module
{
public:
    // Throws for an operation other than Add, Clip, Conv, MaxPool and Relu, naming it
    LastBlocksImpl(const OnnxGraph& graph, const std::string& cut, const std::string& output);

    // activations: n×C×h×w of the tensor; sizes: those of the n pictures, each in the upper left corner of h×w. Returns n×D×h'×w'
    // features, of unit length in the pictures' cells and 0 elsewhere, each picture's being what it gives alone.
    torch::Tensor forward(const torch::Tensor& activations, const std::vector<cv::Size>& sizes) const;

    int64_t channels() const;                   // C
    cv::Size grid(const cv::Size& size) const;  // of the features that come of activations of a size
    std::string description() const;            // a line for people

    // The net as graph, with what the blocks have learned
    std::vector<uchar> writeTo(const OnnxGraph& graph) const;

private:
    struct Operation
    {
        std::string type, output;
        std::vector<std::string> inputs;          // those that are not constant
        torch::Tensor weight, bias;               // of Conv
        std::vector<int64_t> kernel, strides, dilations;
        std::vector<int64_t> pads;                // top, left, bottom, right
        int64_t group = 1;
        double low = 0, high = 0;                         // of Clip
    };

    Operation read(const OnnxGraph& graph, const OnnxNode& node);
    void readWindow(Operation& operation, const OnnxNode& node) const;
    static torch::Tensor compute(const Operation& operation, const std::vector<torch::Tensor>& inputs);
    torch::Tensor parameter(const OnnxGraph& graph, const std::string& constant);
    torch::Tensor run(const torch::Tensor& activations) const;

    const std::string cut, output;
    std::vector<Operation> operations;
    std::map<std::string, torch::Tensor> trained;  // parameters by their names in the net
};
TORCH_MODULE(LastBlocks);

}

#endif
