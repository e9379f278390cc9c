// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_ONNX_FORMAT_HPP
#define SEMCORR_TRAIN_ONNX_FORMAT_HPP

#include <string>
#include <vector>

#include "opencv2/core.hpp"
#include "protobuf.hpp"

namespace train {

// Field numbers and values of onnx.proto
enum { MODEL_GRAPH = 7 };
enum { GRAPH_NODE = 1, GRAPH_INITIALIZER = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12, GRAPH_VALUE = 13 };
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_TYPE = 4, NODE_ATTRIBUTE = 5 };
enum { ATTRIBUTE_NAME = 1, ATTRIBUTE_INT = 3, ATTRIBUTE_INTS = 8, ATTRIBUTE_TYPE = 20, TYPE_INT = 2, TYPE_INTS = 7 };
enum { TENSOR_DIMS = 1, TENSOR_TYPE = 2, TENSOR_FLOATS = 4, TENSOR_NAME = 8, TENSOR_RAW = 9, TENSOR_FLOAT = 1, TENSOR_HALF = 10 };
enum { VALUE_NAME = 1, VALUE_TYPE = 2, TYPE_TENSOR = 1, TENSOR_ELEMENT = 1, TENSOR_SHAPE = 2 };
enum { SHAPE_DIM = 1, DIM_VALUE = 1, DIM_NAME = 2 };

// The graph of a net; of several ones, which appendAdapter makes, their union. Throws where there is none
std::string graphOf(const std::vector<uchar>& onnx);

// The name in the description of a graph's input or output
std::string nameOf(const std::string& valueInfo);

// Such a description of a tensor 1×channels×height×width
std::string describeTensor(const std::string& name, int64_t channels);

}

#endif
