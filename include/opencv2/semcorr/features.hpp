// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#ifndef OPENCV_SEMCORR_FEATURES_HPP
#define OPENCV_SEMCORR_FEATURES_HPP

#include "opencv2/core.hpp"

namespace cv { namespace semcorr {

//! @addtogroup semcorr
//! @{

/** @brief Turns an image into a grid of unit-length feature vectors with an ONNX net run by cv::dnn.

Without a file, the embedded backbone is used: EfficientNet-Lite0 @cite Tan2019 pre-trained on ImageNet and cut after
its tenth block (stride 16, 112 channels). Any other convolutional net or vision transformer can be given as ONNX.

The image is resized to the net's input (INTER_AREA where it shrinks, INTER_LINEAR else), the named outputs are brought to
the finest of their grids (bilinear, pixel centres) and concatenated channel-wise, the adapter is applied, and every cell
is scaled to unit length.

One object must not be used by two threads at a time, since a cv::dnn::Net is not re-entrant. Objects are made by create();
calling the class itself in Python makes none that can be used.
*/
class CV_EXPORTS_W FeatureNet : public Algorithm
{
public:
    /** @brief How images are presented to the net and features read from it. */
    struct CV_EXPORTS_W_SIMPLE Params
    {
        /** @param outputs names of the ONNX *graph outputs* to use, in the order of concatenation; empty: all of them in
        alphabetical order. A net may have others, too; all are computed.
        @param inputSize size in pixels every image is resized to; empty: use longestSide. Obligatory for vision
        transformers, whose input is fixed, and a multiple of the patch size there.
        @param longestSide the longer image side is scaled to about this many pixels and the aspect ratio kept, both sides
        rounded to multiples of the stride; 0: the image's own size, rounded likewise. More than 2^24 pixels in all make
        compute() throw StsOutOfRange. Not used with inputSize. Nearest neighbours of the embedded backbone find more keypoints
        with the aspect kept than with square inputs (PCK\@0.1 on WILLOW-ObjectClass pairs .317 against .297; ResNet-50 conv4
        .360 against .355).
        @param stride pixels per cell of the coarsest output; 0: found by running the net on 256x256 pixels
        @param mean subtracted from the pixels (0...255), in the net's channel order
        @param scale factor for each channel after the subtraction, in the net's channel order
        @param swapRB whether the net wants RGB (images are BGR)
        @param prefixTokens for outputs of shape tokens x channels (vision transformers): so many class and register
        tokens come first and are dropped; the rest are the cells, row-major
        @param adapter C'xC `CV_32F` matrix applied to each cell's C concatenated channels; empty: none
        @param backend computation backend of cv::dnn, dnn::Backend
        @param target target device of cv::dnn, dnn::Target
        */
        CV_WRAP Params(const std::vector<String>& outputs = std::vector<String>(), const Size& inputSize = Size(),
                       int longestSide = 400, int stride = 0,
                       const Scalar& mean = Scalar(123.675, 116.28, 103.53),
                       const Scalar& scale = Scalar(1 / 58.395, 1 / 57.12, 1 / 57.375),
                       bool swapRB = true, int prefixTokens = 0, const Mat& adapter = Mat(),
                       int backend = 0, int target = 0);

        CV_PROP_RW std::vector<String> outputs; //!< names of graph outputs, all different; empty: all
        CV_PROP_RW Size inputSize;              //!< fixed input size, at most 2^24 pixels in all; empty: longestSide decides
        CV_PROP_RW int longestSide;             //!< longer side in pixels, aspect kept; 0: the image's own size; [0, 16384]
        CV_PROP_RW int stride;                  //!< pixels per cell of the coarsest output; 0: probe; [0, 256]
        CV_PROP_RW Scalar mean;                 //!< subtracted from pixels of range 0...255 (default: ImageNet, RGB)
        CV_PROP_RW Scalar scale;                //!< multiplies the difference (default: ImageNet, RGB); not 0
        CV_PROP_RW bool swapRB;                 //!< the net wants RGB
        CV_PROP_RW int prefixTokens;            //!< leading tokens to drop; [0, 1024]
        CV_PROP_RW Mat adapter;                 //!< C'xC CV_32F, applied before the scaling to unit length
        CV_PROP_RW int backend;                 //!< dnn::Backend
        CV_PROP_RW int target;                  //!< dnn::Target
    };

    /** @brief The embedded backbone, with the preprocessing that it was trained with: RGB, (x - 127) / 128, longer side 400.
    Throws where cv::dnn cannot read it. */
    CV_WRAP static Ptr<FeatureNet> create();

    /** @brief A net from an ONNX file.
    @param onnxFile path of the file
    @param params preprocessing and outputs; the file does not say these
    Throws cv::Exception for a file that is missing, unreadable or of 2 GiB or more, an unknown output name (the message lists
    those there are), and parameters out of range or not fitting the net, which is run once to see that. */
    CV_WRAP static Ptr<FeatureNet> create(CV_WRAP_FILE_PATH const String& onnxFile,
                                          const FeatureNet::Params& params = FeatureNet::Params());

    /** @brief A net from the bytes of an ONNX file.
    @param onnx content of an ONNX file
    @param params preprocessing and outputs */
    CV_WRAP_AS(createFromMemory) static Ptr<FeatureNet> create(const std::vector<uchar>& onnx,
                                          const FeatureNet::Params& params = FeatureNet::Params());

    /** @brief Features of an image.
    @param image `CV_8UC3`, BGR, both sides at least 2 pixels
    @param features hxwxC `CV_32F` (3-D), each cell of unit length
    Throws for values that are not finite and where longestSide makes the net's input larger than 2^24 pixels. */
    CV_WRAP virtual void compute(InputArray image, OutputArray features) = 0;

    /** @brief Features of an image on a coarser grid, which Matcher begins with on grids of more than 128^4 pairs of cells
    (INIT_COARSE_TO_FINE): a net sees more of the picture there than the mean of fine cells does.
    @param image as in compute
    @param level at least 1: the input has 1/2, 1/4, ... of the side of compute's, rounded up to the stride
    @param features as in compute
    @return whether there are any; false, as here, for nets of one input size only, such as vision transformers. Matcher then takes
    means of features of compute. Matcher calls it; it is not wrapped, since Python cannot derive from this class. */
    virtual bool computeCoarse(InputArray image, int level, OutputArray features);

    /** @brief The parameters in use. */
    CV_WRAP virtual FeatureNet::Params getParams() const = 0;

    /** @brief Replaces the parameters; those out of range or not fitting the net are refused with a cv::Exception and
    the old ones stay. */
    CV_WRAP virtual void setParams(const FeatureNet::Params& params) = 0;
};

//! @}
}}

#endif
