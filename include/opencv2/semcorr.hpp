// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#ifndef OPENCV_SEMCORR_HPP
#define OPENCV_SEMCORR_HPP

/**
@defgroup semcorr Semantic correspondence by neighbourhood consensus

Given two pictures of different objects of one kind, find for each pixel of the first the same part in the second.

@code{.unparsed}
image ──FeatureNet──▶ features h×w×C (each cell unit length)
features1, features2 ──correlate──▶ c[h1,w1,h2,w2] = <f1, f2>
c ──mutualFilter──▶ soft mutual nearest neighbours
  ──ConsensusNet──▶ 4D scores: neighbourhood consensus
  ──bestMatches──▶ one target cell per source cell (+ score)
  ──refinement──▶ sub-cell position ──▶ flow at image resolution, confidence
@endcode

cv::semcorr::Matcher runs the whole pipeline; every stage is also a function of its own. The methods are those of
NC-Net @cite Rocco2018, ANC-Net @cite Li2020 and PMNC @cite Lee2021.

Conventions that hold for the whole module:
- **Features** are `CV_32F`, height × width × channels, channels last: a 3-D single-channel Mat as output; as input also
  a 2-D multi-channel Mat. Inputs may be non-contiguous.
- **Correlations and scores** are 4-D `CV_32F` Mats `{h1, w1, h2, w2}`, **activations** 5-D `{channels, h1, w1, h2, w2}`,
  **weights** of 4D convolutions 6-D `{outChannels, inChannels, kh1, kw1, kh2, kw2}`.
- A **field** is `CV_32FC2`: for each source cell the `(x, y)` position of its match in target *cells*.
- A **flow** is `CV_32FC2` of the first image's size: `(dx, dy)` in pixels, so that
  `remap(image2, warped, flow, noArray(), INTER_LINEAR | WARP_RELATIVE_MAP)` warps image 2 onto image 1.
- **Coordinates** follow OpenCV's pixel-centre convention: cell `j` of `w` covers the pixels `[j·W/w, (j+1)·W/w)` of an
  image of width `W`, and its centre is `(j + 0.5)·W/w − 0.5`.
- **Python**: optional results given by position swallow the next argument, as everywhere in `cv2`
  (`bestMatches(scores, FROM_2_TO_1)` takes the number for `field`), so name them: `bestMatches(scores, direction=FROM_2_TO_1)`.
- From the features on, results are bit-identical for any number of threads. The free functions are re-entrant;
  use one Matcher or FeatureNet per thread.
*/

#include "opencv2/semcorr/features.hpp"
#include "opencv2/semcorr/consensus.hpp"
#include "opencv2/semcorr/matcher.hpp"
#include "opencv2/semcorr/evaluation.hpp"

#endif
