// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "features.hpp"
#include "checks.hpp"
#include "embedded.hpp"
#include "file_io.hpp"
#include "onnx_info.hpp"
#include "utf8.hpp"
#include "opencv2/imgproc.hpp"
#include "opencv2/semcorr/consensus.hpp"

#include <algorithm>
#include <cmath>
#include <set>

namespace cv { namespace semcorr {

enum
{
    MAX_SIDE = 16384,        // pixels of the net's input
    MAX_AREA = 1 << 24,      // so that a hostile model file cannot make a run take all memory
    MAX_STRIDE = 256,
    MAX_PREFIX_TOKENS = 1024,
    MAX_LEVEL = 14,          // of coarser grids
    PROBE_SIDE = 256         // pixels; several cells for all usual strides, and quick
};

FeatureNet::Params::Params(const std::vector<String>& outputs_, const Size& inputSize_, int longestSide_, int stride_,
                           const Scalar& mean_, const Scalar& scale_, bool swapRB_, int prefixTokens_, const Mat& adapter_,
                           int backend_, int target_)
    : outputs(outputs_), inputSize(inputSize_), longestSide(longestSide_), stride(stride_), mean(mean_), scale(scale_),
      swapRB(swapRB_), prefixTokens(prefixTokens_), adapter(adapter_), backend(backend_), target(target_)
{
}

static String join(const std::vector<String>& names)
{
    String s;
    for (size_t i = 0; i < names.size(); i++)
        s += (i ? ", \"" : "\"") + printable(names[i]) + "\"";
    return s;
}

static void checkOutputs(const std::vector<String>& outputs)
{
    const std::set<String> unique(outputs.begin(), outputs.end());
    if (unique.count("") || unique.size() < outputs.size())
        CV_Error(Error::StsBadArg, format("outputs is [%s], expected different, non-empty names", join(outputs).c_str()));
}

static void checkAdapter(const Mat& adapter)
{
    if (adapter.empty())
        return;
    if (adapter.dims != 2 || adapter.type() != CV_32FC1)
        CV_Error(Error::StsUnsupportedFormat, format("adapter is %s of type %s, expected a 2-D matrix of type CV_32FC1",
                                                     shapeOf(adapter).c_str(), typeToString(adapter.type()).c_str()));
    if (!cv::checkRange(adapter))
        CV_Error(Error::StsBadArg, "adapter holds values that are not finite, expected finite ones");
}

static void checkDevice(int backend, int target)
{
    std::vector<dnn::Target> targets;
    if (backend >= 0)
        targets = dnn::getAvailableTargets((dnn::Backend)backend);
    String available;
    for (size_t i = 0; i < targets.size(); i++)
    {
        if ((int)targets[i] == target)
            return;
        available += format(i ? ", %d" : "%d", (int)targets[i]);
    }
    const String expected = targets.empty() ? String("another backend, such as dnn::DNN_BACKEND_DEFAULT (0)")
                                            : "one of the backend's targets " + available;
    CV_Error(Error::StsBadArg, format("backend is %d and target %d, expected what this build of cv::dnn has: %s",
                                      backend, target, expected.c_str()));
}

void checkParams(const FeatureNet::Params& params)
{
    checkOutputs(params.outputs);
    if (params.inputSize != Size())
    {
        checkRange(params.inputSize.width, 1, MAX_SIDE, "inputSize.width");
        checkRange(params.inputSize.height, 1, MAX_SIDE, "inputSize.height");
        if ((int64)params.inputSize.width * params.inputSize.height > MAX_AREA)
            CV_Error(Error::StsOutOfRange, format("inputSize is %d x %d, expected at most %d pixels in all", params.inputSize.width,
                                                  params.inputSize.height, MAX_AREA));
    }
    checkRange(params.longestSide, 0, MAX_SIDE, "longestSide");
    checkRange(params.stride, 0, MAX_STRIDE, "stride");
    for (int c = 0; c < 3; c++)
    {
        if (!std::isfinite(params.mean[c]))
            CV_Error(Error::StsBadArg, format("mean[%d] is %g, expected a finite value", c, params.mean[c]));
        if (!std::isfinite(params.scale[c]) || params.scale[c] == 0)
            CV_Error(Error::StsBadArg, format("scale[%d] is %g, expected a finite value other than 0", c, params.scale[c]));
    }
    checkRange(params.prefixTokens, 0, MAX_PREFIX_TOKENS, "prefixTokens");
    checkAdapter(params.adapter);
    checkDevice(params.backend, params.target);
}

Ptr<FeatureNet> FeatureNet::create()
{
    const EmbeddedFile file = embeddedBackbone();
    Params params;
    params.stride = 16;
    params.mean = Scalar::all(127);  // as it was trained, (x / 255 - 127 / 255) / (128 / 255)
    params.scale = Scalar::all(1. / 128);
    return makePtr<FeatureNetImpl>(std::vector<uchar>(file.data, file.data + file.size), String(), params);
}

Ptr<FeatureNet> FeatureNet::create(const String& onnxFile, const Params& params)
{
    checkParams(params);
    const std::vector<uchar> onnx = loadBytes(onnxFile, MAX_ONNX);
    if (onnx.empty())
        CV_Error(Error::StsParseError, format("\"%s\" is empty, expected an ONNX file", printable(onnxFile).c_str()));
    return makePtr<FeatureNetImpl>(onnx, onnxFile, params);
}

Ptr<FeatureNet> FeatureNet::create(const std::vector<uchar>& onnx, const Params& params)
{
    checkParams(params);
    if (onnx.empty())
        CV_Error(Error::StsBadArg, "onnx is empty, expected the content of an ONNX file");
    return makePtr<FeatureNetImpl>(onnx, String(), params);
}

FeatureNetImpl::FeatureNetImpl(const std::vector<uchar>& onnx, const String& file, const Params& params_)
    : bytes(onnx), path(file), exportedSize(onnxInputSize(onnx)), runsCoarse(true), stride(0)
{
    try
    {
        net = dnn::readNetFromONNX(reinterpret_cast<const char*>(&bytes[0]), bytes.size());
        outputNames = net.getUnconnectedOutLayersNames();
    }
    catch (const std::exception& e)
    {
        CV_Error(Error::StsParseError, format("%s is not an ONNX net that cv::dnn can read: %s", title().c_str(),
                                              printable(e.what()).c_str()));
    }
    if (outputNames.empty())
        CV_Error(Error::StsParseError, title() + " is not an ONNX net that cv::dnn can read: it has no outputs");
    std::sort(outputNames.begin(), outputNames.end());
    setParams(params_);
}

String FeatureNetImpl::title() const
{
    return path.empty() ? format("the ONNX net of %d bytes", (int)bytes.size()) : "\"" + printable(path) + "\"";
}

FeatureNet::Params FeatureNetImpl::getParams() const
{
    Params copy = params;
    copy.adapter = params.adapter.clone();
    return copy;
}

void FeatureNetImpl::setParams(const Params& params_)
{
    checkParams(params_);
    int newStride = 0;
    setDevice(params_);
    try
    {
        probe(params_, newStride);
    }
    catch (...)
    {
        setDevice(params);
        throw;
    }
    params = params_;
    params.adapter = params_.adapter.clone();  // its memory may be the caller's
    stride = newStride;
    runsCoarse = true;  // as far as is known
}

void FeatureNetImpl::setDevice(const Params& params_)
{
    net.setPreferableBackend(params_.backend);
    net.setPreferableTarget(params_.target);
}

// Runs the net once with new parameters to see whether they fit it, and finds the stride
void FeatureNetImpl::probe(const Params& params_, int& foundStride)
{
    for (size_t i = 0; i < params_.outputs.size(); i++)
        if (!std::binary_search(outputNames.begin(), outputNames.end(), params_.outputs[i]))
            CV_Error(Error::StsBadArg, format("outputs has \"%s\", expected outputs of the net: %s",
                                              printable(params_.outputs[i]).c_str(), join(outputNames).c_str()));
    const int side = roundUp(PROBE_SIDE, std::max(params_.stride, 1));
    const Size input = params_.inputSize.empty() ? Size(side, side) : params_.inputSize;
    const int shape[] = { 1, 3, input.height, input.width };
    const std::vector<Planes> outputs = wantedOutputs(Mat(4, shape, CV_32F, Scalar(0)), params_);
    int channels = 0, coarsest = input.width;
    for (size_t i = 0; i < outputs.size(); i++)
    {
        channels += outputs[i].values.rows;
        coarsest = std::min(coarsest, outputs[i].grid.width);
    }
    if (!params_.adapter.empty() && params_.adapter.cols != channels)
        CV_Error(Error::StsUnmatchedSizes, format("adapter is %s, expected %d columns for the channels of the net's outputs",
                                                  shapeOf(params_.adapter).c_str(), channels));
    foundStride = params_.stride ? params_.stride : std::min(cvRound((double)input.width / coarsest), (int)MAX_STRIDE);
}

Size FeatureNetImpl::inputSize(const Size& image) const
{
    if (!params.inputSize.empty())
        return params.inputSize;
    const int longest = std::max(image.width, image.height);
    const double scale = params.longestSide ? (double)params.longestSide / longest : 1;
    const Size input(std::max(cvRound(image.width * scale / stride), 1) * stride,
                     std::max(cvRound(image.height * scale / stride), 1) * stride);
    if ((int64)input.width * input.height > MAX_AREA)
        CV_Error(Error::StsOutOfRange, format("image is %d x %d (width x height) and would become %d x %d as the net's input, "
                                              "expected at most %d pixels there: set longestSide or inputSize",
                                              image.width, image.height, input.width, input.height, (int)MAX_AREA));
    return input;
}

// {1, 3, height, width} CV_32F in the net's channel order
static Mat makeBlob(const Mat& image, const Size& input, const FeatureNet::Params& params)
{
    Mat resized = image;
    if (input != image.size())
    {
        const bool shrinks = input.width <= image.cols && input.height <= image.rows;
        resize(image, resized, input, 0, 0, shrinks ? INTER_AREA : INTER_LINEAR);
    }
    const int shape[] = { 1, 3, input.height, input.width };
    Mat blob(4, shape, CV_32F), plane;
    for (int c = 0; c < 3; c++)
    {
        Mat target(input, CV_32F, blob.ptr<float>(0, c));
        extractChannel(resized, plane, params.swapRB ? 2 - c : c);
        plane.convertTo(target, CV_32F, params.scale[c], -params.mean[c] * params.scale[c]);
    }
    return blob;
}

// All outputs are asked for, since OpenCV 5 refuses to compute some of them.
std::map<String, Mat> FeatureNetImpl::run(const Mat& blob)
{
    std::vector<Mat> outputs;
    try
    {
        net.setInput(blob);
        net.forward(outputs, outputNames);
        CV_Assert(outputs.size() == outputNames.size());
    }
    catch (const std::exception& e)
    {
        const Size size = exportedSize;
        const String expected = size.empty() ? String("it may need a certain inputSize")
            : format("it was exported for %d x %d and needs just that as inputSize unless it is a convolutional net",
                     size.width, size.height);
        CV_Error(Error::StsBadSize, format("%s cannot be run on an input of %d x %d (width x height), %s. cv::dnn says: %s",
                                           title().c_str(), blob.size[3], blob.size[2], expected.c_str(),
                                           printable(e.what()).c_str()));
    }
    std::map<String, Mat> byName;
    for (size_t i = 0; i < outputs.size(); i++)
        byName[outputNames[i]] = outputs[i];
    return byName;
}

// The grid of a vision transformer: so many square patches that cover the input without a rest; empty where there is none
static Size patchGrid(int cells, const Size& input)
{
    for (int patch = 1; patch <= std::min(input.width, input.height); patch++)
        if (input.width % patch == 0 && input.height % patch == 0 &&
            (int64)(input.width / patch) * (input.height / patch) == cells)
            return Size(input.width / patch, input.height / patch);
    return Size();
}

// output: {1, channels, h, w}, or {1, tokens, channels} of a vision transformer
FeatureNetImpl::Planes FeatureNetImpl::toPlanes(const Mat& output, const String& name, const Size& input,
                                                int prefixTokens) const
{
    const String title = "output \"" + printable(name) + "\"";
    if (output.type() != CV_32FC1 || (output.dims != 3 && output.dims != 4) || output.size[0] != 1 || output.empty())
        CV_Error(Error::StsUnsupportedFormat, title + format(
            " is %s of type %s, expected 1 x channels x height x width or 1 x tokens x channels of type CV_32FC1; "
            "choose others in FeatureNet::Params::outputs: %s",
            shapeOf(output).c_str(), typeToString(output.type()).c_str(), join(outputNames).c_str()));
    Planes planes;
    if (output.dims == 4)
    {
        planes.grid = Size(output.size[3], output.size[2]);
        planes.values = output.reshape(1, output.size[1]);
        return planes;
    }
    if (!exportedSize.empty() && input != exportedSize)  // OpenCV 5 only warns, and computes something else
        CV_Error(Error::StsBadSize, title + format(
            " has tokens, and the net was exported for %d x %d (width x height), but the input is %d x %d; set inputSize",
            exportedSize.width, exportedSize.height, input.width, input.height));
    const int tokens = output.size[1];
    planes.grid = patchGrid(tokens - prefixTokens, input);
    if (planes.grid.empty())
        CV_Error(Error::StsUnmatchedSizes, title + format(
            " has %d tokens, %d without prefixTokens (%d), expected as many as there are square patches in the input of "
            "%d x %d (width x height)", tokens, tokens - prefixTokens, prefixTokens, input.width, input.height));
    transpose(output.reshape(1, tokens).rowRange(prefixTokens, tokens), planes.values);
    return planes;
}

std::vector<FeatureNetImpl::Planes> FeatureNetImpl::wantedOutputs(const Mat& blob, const Params& params_)
{
    std::map<String, Mat> outputs = run(blob);
    const std::vector<String>& names = params_.outputs.empty() ? outputNames : params_.outputs;
    std::vector<Planes> wanted;
    for (size_t i = 0; i < names.size(); i++)
        wanted.push_back(toPlanes(outputs[names[i]], names[i], Size(blob.size[3], blob.size[2]), params_.prefixTokens));
    return wanted;
}

// src: channels × (from.h·from.w) to dst: channels × (to.h·to.w); by plane, since cv::resize takes few channels at a time
static void resizePlanes(const Mat& src, const Size& from, Mat& dst, const Size& to)
{
    parallel_for_(Range(0, src.rows), [&](const Range& range)
    {
        for (int c = range.start; c < range.end; c++)
        {
            Mat plane = dst.row(c).reshape(1, to.height);
            resize(src.row(c).reshape(1, from.height), plane, to, 0, 0, INTER_LINEAR);
        }
    });
}

// channels × n to n × channels', by strips of cells in parallel
static void toCells(const Mat& planes, const Mat& adapter, Mat& cells)
{
    const int strip = 64;
    cells.create(planes.cols, adapter.empty() ? planes.rows : adapter.rows, CV_32F);
    parallel_for_(Range(0, (int)divUp((size_t)planes.cols, strip)), [&](const Range& range)
    {
        const Range cols(range.start * strip, std::min(range.end * strip, planes.cols));
        Mat part = cells.rowRange(cols);
        if (adapter.empty())
            transpose(planes.colRange(cols), part);
        else
            gemm(planes.colRange(cols), adapter, 1, noArray(), 0, part, GEMM_1_T | GEMM_2_T);
    });
}

// All outputs on the finest of their grids, one below the other: channels × (grid.h·grid.w)
Mat FeatureNetImpl::stack(const std::vector<Planes>& outputs, Size& grid)
{
    int channels = 0;
    grid = Size();
    for (size_t i = 0; i < outputs.size(); i++)
    {
        channels += outputs[i].values.rows;
        if (outputs[i].grid.area() > grid.area())
            grid = outputs[i].grid;
    }
    Mat stacked(channels, grid.area(), CV_32F);
    int first = 0;
    for (size_t i = 0; i < outputs.size(); i++)
    {
        const Mat& values = outputs[i].values;
        Mat part = stacked.rowRange(first, first + values.rows);
        if (outputs[i].grid == grid)
            values.copyTo(part);
        else
            resizePlanes(values, outputs[i].grid, part, grid);
        first += values.rows;
    }
    return stacked;
}

bool FeatureNet::computeCoarse(InputArray, int, OutputArray)
{
    return false;
}

void FeatureNetImpl::compute(InputArray image_, OutputArray features)
{
    const Mat image = getImage(image_, "image");
    computeAt(image, inputSize(image.size()), features);
}

bool FeatureNetImpl::computeCoarse(InputArray image_, int level, OutputArray features)
{
    const Mat image = getImage(image_, "image");
    checkRange(level, 1, MAX_LEVEL, "level");
    const Size fine = inputSize(image.size()), coarse(roundUp(divUp(fine.width, 1 << level), stride),
                                                      roundUp(divUp(fine.height, 1 << level), stride));
    if (!runsCoarse)
        return false;
    try
    {
        computeAt(image, coarse, features);
    }
    catch (const cv::Exception& e)
    {
        if (e.code != Error::StsBadSize)
            throw;
        runsCoarse = false;  // a net of one input size only, such as a vision transformer
    }
    return runsCoarse;
}

void FeatureNetImpl::computeAt(const Mat& image, const Size& input, OutputArray features)
{
    Size grid;
    const Mat planes = stack(wantedOutputs(makeBlob(image, input, params), params), grid);
    Mat cells;
    toCells(planes, params.adapter, cells);
    if (!cv::checkRange(cells))
        CV_Error(Error::StsBadArg, format("%s gives values that are not finite for this image of %d x %d (width x height), "
                                          "expected finite features", title().c_str(), image.cols, image.rows));
    const int shape[] = { grid.height, grid.width, cells.cols };
    normalizeFeatures(cells.reshape(1, 3, shape), features);
}

}}
