// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_ONNX_CUT_HPP
#define SEMCORR_TRAIN_ONNX_CUT_HPP

#include "onnx_graph.hpp"

namespace train {

// The tensor in front of the last `count` blocks before `output`. A block has one convolution wider than a cell, or some side by
// side or under one shortcut. Blocks meet at bottlenecks, tensors that all paths pass through: of those between two such
// convolutions at the one with the fewest channels, the last among equals. Throws where there are fewer blocks.
std::string findCut(const OnnxGraph& graph, const std::string& output, int count);

}

#endif
